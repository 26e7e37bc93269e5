"""How well the events that were found agree with the true ones.

The two measures of A. Mesaros, T. Heittola and T. Virtanen, "Metrics for polyphonic sound event
detection", Applied Sciences 6(6), 2016, and false alarms an hour.
"""

import collections
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from vggish.events.window_labels import Stretch

COLLAR_SECONDS = 0.5
SEGMENT_SECONDS = 1.0
_SHARE_OF_LENGTH = 0.5
"""The end of a long event may be off by this share of its length, as in the toolbox `sed_eval`."""

_SLACK = 1e-6  # Seconds: times such as 0.1 are no exact numbers.


@dataclass(frozen=True)
class Counts:
    """Numbers of events, or of segments with a class.

    Attributes:
        true: Number of true ones.
        found: Number that was found.
        hits: Number that was found and is true.
    """

    true: int = 0
    found: int = 0
    hits: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.true + other.true, self.found + other.found, self.hits + other.hits)

    @property
    def precision(self) -> float:
        """Share of what was found that is true; NaN if nothing was found."""
        return self.hits / self.found if self.found else math.nan

    @property
    def recall(self) -> float:
        """Share of what is true that was found; NaN if there is nothing."""
        return self.hits / self.true if self.true else math.nan

    @property
    def f1(self) -> float:
        """Harmonic mean of both; NaN if there is nothing and nothing was found."""
        total = self.true + self.found
        return 2 * self.hits / total if total else math.nan


@dataclass
class EventScores:
    """The agreement of events with the true ones, added up over recordings.

    Attributes:
        seconds: Length of all recordings.
        events: Numbers of events by class. One is a hit if its start is within `COLLAR_SECONDS` of
            a true one's, and its end within the same or half of the true one's length; as many
            pairs as possible are made, each of one true event and one that was found.
        segments: Numbers of segments of `SEGMENT_SECONDS` by class, which have a class if an event
            of it is in any part of them.
        false_alarms: Number of events by class that touch no true one.
    """

    seconds: float = 0.0
    events: dict[str, Counts] = field(default_factory=lambda: collections.defaultdict(Counts))
    segments: dict[str, Counts] = field(default_factory=lambda: collections.defaultdict(Counts))
    false_alarms: collections.Counter[str] = field(default_factory=collections.Counter)

    def add(self, truth: Sequence[Stretch], found: Sequence[Stretch], seconds: float) -> None:
        """Adds a recording.

        Args:
            truth: Its true events.
            found: The events that were found in it.
            seconds: Its length.
        """
        self.seconds += seconds
        for label in sorted({event.label for event in (*truth, *found)}):
            true = [event for event in truth if event.label == label]
            heard = [event for event in found if event.label == label]
            self.events[label] += Counts(len(true), len(heard), _pairs(true, heard))
            there, said = _segments(true), _segments(heard)
            self.segments[label] += Counts(len(there), len(said), len(there & said))
            self.false_alarms[label] += sum(
                not any(_touch(event, other) for other in true) for event in heard
            )

    def include(self, other: "EventScores") -> None:
        """Adds the scores of other recordings."""
        self.seconds += other.seconds
        self.false_alarms += other.false_alarms
        for mine, theirs in ((self.events, other.events), (self.segments, other.segments)):
            for label, counts in theirs.items():
                mine[label] += counts

    @property
    def all_events(self) -> Counts:
        """Numbers of events of all classes together."""
        return sum(self.events.values(), Counts())

    @property
    def all_segments(self) -> Counts:
        """Numbers of segments of all classes together."""
        return sum(self.segments.values(), Counts())

    def false_alarms_an_hour(self, label: str | None = None) -> float:
        """Returns the false alarms in an hour, of a class or of all; NaN without sound."""
        number = self.false_alarms.total() if label is None else self.false_alarms[label]
        return 3600 * number / self.seconds if self.seconds else math.nan


def _pairs(true: Sequence[Stretch], found: Sequence[Stretch]) -> int:
    """Returns the largest number of pairs of a true event and one that was found."""
    if not true or not found:
        return 0
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    fits = csr_array([[_fits(event, other) for other in found] for event in true])
    return int((maximum_bipartite_matching(fits, perm_type="column") >= 0).sum())


def _fits(true: Stretch, found: Stretch) -> bool:
    late = max(COLLAR_SECONDS, _SHARE_OF_LENGTH * (true.end - true.start))
    return (
        abs(found.start - true.start) <= COLLAR_SECONDS + _SLACK
        and abs(found.end - true.end) <= late + _SLACK
    )


def _segments(events: Sequence[Stretch]) -> set[int]:
    segments: set[int] = set()
    for event in events:
        first = math.floor((event.start + _SLACK) / SEGMENT_SECONDS)
        last = math.ceil((event.end - _SLACK) / SEGMENT_SECONDS)
        segments.update(range(first, max(last, first + 1)))
    return segments


def _touch(one: Stretch, other: Stretch) -> bool:
    return one.start <= other.end + _SLACK and other.start <= one.end + _SLACK
