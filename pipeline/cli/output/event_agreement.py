"""How well a detection agrees with the true events, as a table."""

import math

from vggish.events.event_scores import Counts, EventScores

_COLUMNS = ("true", "found", "precision", "recall", "F1", "segment F1", "false/h")
_LONGEST_NAME = 30


def format_agreement(scores: EventScores) -> str:
    """Writes a row for each class, and one for all together; see `EventScores`.

    Args:
        scores: The agreement.

    Returns:
        Lines. Precision, recall and F1 are those of events.
    """
    rows = [
        (label, scores.events[label], scores.segments[label], scores.false_alarms_an_hour(label))
        for label in sorted(scores.events)
    ]
    rows.append(("all", scores.all_events, scores.all_segments, scores.false_alarms_an_hour()))
    width = min(_LONGEST_NAME, max(len(label) for label, *_ in rows))
    lines = [" " * width + "".join(f"{name:>12}" for name in _COLUMNS)]
    return "\n".join([*lines, *(_line(width, *row) for row in rows)])


def _line(width: int, label: str, events: Counts, segments: Counts, alarms: float) -> str:
    shares = (events.precision, events.recall, events.f1, segments.f1)
    cells = [f"{events.true}", f"{events.found}", *map(_share, shares), f"{alarms:.1f}"]
    return f"{label[:width]:{width}}" + "".join(f"{cell:>12}" for cell in cells)


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
