"""From the events of a recording to the labels of its windows, which lie on a grid."""

import collections
import math
from collections.abc import Iterable, Sequence
from typing import Protocol

from vggish.params import WINDOW_SECONDS

_SLACK = 1e-6  # Seconds: hops such as 0.48 are no exact numbers.


class Stretch(Protocol):
    """A stretch of a recording with a label; `vggish.events.detection.Event` is one."""

    @property
    def start(self) -> float:
        """Start in seconds."""

    @property
    def end(self) -> float:
        """End in seconds, at or after the start."""

    @property
    def label(self) -> str:
        """Class name."""


def label_windows(
    events: Sequence[Stretch], *, hop_seconds: float, min_overlap: float
) -> dict[int, dict[str, float]]:
    """Labels the windows of a recording.

    A window has a label if the label's events cover at least `min_overlap` of the window, or if it
    holds at least `min_overlap` of one of them. The window that holds the most of an event, the
    first of equals, always has its label.

    Args:
        events: The events, which may overlap.
        hop_seconds: Seconds from the start of one window to the start of the next, at most 0.96.
        min_overlap: Share of a window, and of an event, above 0 and at most 1.

    Returns:
        For each window, by its number, that an event touches: the seconds that each of its labels
        covers. It is empty if no event covers enough of the window for a label.
    """
    covered: dict[int, dict[str, float]] = collections.defaultdict(dict)
    for stretch in _joined(events):
        for window in windows_of(stretch, hop_seconds):
            seconds = _overlap(stretch, window, hop_seconds)
            labels = covered[window]
            labels[stretch.label] = labels.get(stretch.label, 0.0) + seconds
    held = {
        (window, label)
        for window, labels in covered.items()
        for label, seconds in labels.items()
        if seconds >= min_overlap * WINDOW_SECONDS - _SLACK
    }
    for event in events:
        inside = {
            window: _overlap(event, window, hop_seconds)
            for window in windows_of(event, hop_seconds)
        }
        least = min_overlap * (event.end - event.start) - _SLACK
        held.update((window, event.label) for window, part in inside.items() if part >= least)
        most = max(inside.values()) - _SLACK
        held.add((next(window for window, part in inside.items() if part >= most), event.label))
    return {
        window: {label: part for label, part in labels.items() if (window, label) in held}
        for window, labels in covered.items()
    }


def windows_of(event: Stretch, hop_seconds: float) -> range:
    """Returns the numbers of the windows that an event touches; at least one.

    Args:
        event: The event. One without length is in the windows around it.
        hop_seconds: Seconds from the start of one window to the start of the next.
    """
    first = math.floor((event.start - WINDOW_SECONDS + _SLACK) / hop_seconds) + 1
    last = max(
        math.ceil((event.end - _SLACK) / hop_seconds) - 1,
        math.floor((event.start + _SLACK) / hop_seconds),
    )
    return range(max(first, 0), last + 1)


def _overlap(event: Stretch, window: int, hop_seconds: float) -> float:
    start = window * hop_seconds
    return max(0.0, min(event.end, start + WINDOW_SECONDS) - max(event.start, start))


class _Joined:
    """Events of one label that overlap, as one."""

    def __init__(self, event: Stretch):
        self.start, self.end, self.label = event.start, event.end, event.label


def _joined(events: Iterable[Stretch]) -> list[_Joined]:
    """Joins overlapping events of one label, so that no time counts twice."""
    joined: list[_Joined] = []
    for event in sorted(events, key=lambda one: (one.label, one.start)):
        if joined and joined[-1].label == event.label and event.start <= joined[-1].end:
            joined[-1].end = max(joined[-1].end, event.end)
        else:
            joined.append(_Joined(event))
    return joined
