"""From the scores of a recording's windows to events: pure functions on arrays.

The order is: smoothing, the top classes of a window, thresholds with hysteresis, gaps, durations.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vggish.errors import ConfigError
from vggish.params import WINDOW_SECONDS

Smoothing = Literal["median", "mean"]


@dataclass(frozen=True)
class Event:
    """A stretch of a recording with a label.

    Attributes:
        start: Start in seconds.
        end: End in seconds.
        label: Class name.
        score: Highest score of its windows, after smoothing; None if nobody gave one.
    """

    start: float
    end: float
    label: str
    score: float | None = None


@dataclass(frozen=True)
class EventRules:
    """What counts as an event.

    Attributes:
        keep_score: Score down to which an event goes on, on both sides; None: the score that begins
            it. It never makes it harder to go on than to begin.
        smooth: Windows of the smoothing, an odd number; 1 is none.
        smoothing: Median or mean over these windows.
        top_n: Number of classes of a window, the ones with the highest scores, that may have an
            event there; None for all.
        max_gap: Seconds between two events of a class up to which they are one event.
        min_duration: Shorter events, in seconds, are left out.
        max_duration: Longer events, in seconds, are left out; None: there is no limit.

    Raises:
        ConfigError: A value is out of its range.
    """

    keep_score: float | None = None
    smooth: int = 1
    smoothing: Smoothing = "median"
    top_n: int | None = None
    max_gap: float = 0.0
    min_duration: float = 0.0
    max_duration: float | None = None

    def __post_init__(self) -> None:
        if self.smooth < 1 or self.smooth % 2 == 0:
            raise ConfigError(
                f"Scores are smoothed over an odd number of windows, not {self.smooth}; "
                f"take {self.smooth + 1 if self.smooth > 0 else 1}."
            )
        if self.top_n is not None and self.top_n < 1:
            raise ConfigError(f"At least 1 class of a window can have events, not {self.top_n}.")
        if self.max_duration is not None and self.max_duration < self.min_duration:
            raise ConfigError(
                f"No event is at least {self.min_duration:g} and at most {self.max_duration:g} "
                "seconds long; give a larger most than least duration."
            )


def find_events(
    scores: np.ndarray,
    min_scores: Mapping[str, float],
    rules: EventRules,
    *,
    hop_seconds: float,
    duration: float,
) -> list[Event]:
    """Finds the events of one recording.

    Args:
        scores: Scores of its windows, in their order, float32 [n, classes].
        min_scores: Score that begins an event of a class, by class name, in the order of `scores`.
        rules: What counts as an event.
        hop_seconds: Seconds from the start of one window to the start of the next.
        duration: Length of the recording in seconds.

    Returns:
        The events by start, end and label; those of one class do not overlap.
    """
    edges = stretch_edges(len(scores), hop_seconds, duration)
    smoothed = smooth_scores(scores, rules.smooth, rules.smoothing)
    allowed = top_classes(smoothed, rules.top_n)
    events: list[Event] = []
    for place, (label, begin) in enumerate(min_scores.items()):
        heard = np.where(allowed[:, place], smoothed[:, place], -np.inf)
        keep = begin if rules.keep_score is None else min(rules.keep_score, begin)
        runs = merge_gaps(active_runs(heard, begin, keep), edges, rules.max_gap)
        for first, last in runs:
            start, end = float(edges[first]), float(edges[last])
            if _lasts_right(end - start, rules):
                score = round(float(heard[first:last].max()), 6)
                events.append(Event(round(start, 6), round(end, 6), label, score))
    return sorted(events, key=lambda event: (event.start, event.end, event.label))


def stretch_edges(windows: int, hop_seconds: float, duration: float) -> np.ndarray:
    """Returns the stretches of a recording that its windows speak for.

    A window speaks for one hop around its middle, so that neighbours meet and no time is told
    twice. The first window speaks from the start of the recording, the last one to its end, also
    where silence completes it.

    Args:
        windows: Number of windows n.
        hop_seconds: Seconds from the start of one window to the start of the next.
        duration: Length of the recording in seconds.

    Returns:
        float64 [n + 1]; window i speaks from edge i to edge i + 1, in seconds.
    """
    edges = np.arange(windows + 1) * hop_seconds + (WINDOW_SECONDS - hop_seconds) / 2
    edges[0], edges[-1] = 0.0, duration
    return np.minimum(edges, duration)


def smooth_scores(scores: np.ndarray, width: int, kind: Smoothing) -> np.ndarray:
    """Replaces each score by the median or mean of its class over `width` windows around it.

    The first and the last window stand for those before and after the recording.

    Args:
        scores: float32 [n, classes].
        width: Odd number of windows; 1 changes nothing.
        kind: `median` or `mean`.

    Returns:
        float32 [n, classes].
    """
    if width == 1 or not len(scores):
        return scores
    from scipy import ndimage

    if kind == "median":
        smoothed = ndimage.median_filter(scores, size=(width, 1), mode="nearest")
    else:
        smoothed = ndimage.uniform_filter1d(scores, width, axis=0, mode="nearest")
    return np.asarray(smoothed, np.float32)


def top_classes(scores: np.ndarray, count: int | None) -> np.ndarray:
    """Tells which classes are among the `count` highest of their window; the first wins a tie.

    Args:
        scores: float32 [n, classes].
        count: Number of classes; None for all.

    Returns:
        bool [n, classes].
    """
    if count is None:
        return np.ones(scores.shape, bool)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    allowed = np.zeros(scores.shape, bool)
    np.put_along_axis(allowed, best, values=True, axis=1)
    return allowed


def active_runs(scores: np.ndarray, begin: float, keep: float) -> list[tuple[int, int]]:
    """Finds runs of windows by hysteresis: all reach `keep`, and at least one reaches `begin`.

    Args:
        scores: Scores of one class, float [n].
        begin: The higher threshold.
        keep: The lower threshold, or the same.

    Returns:
        For each run, the number of its first window, and of the one after its last.
    """
    steps = np.diff(np.concatenate([[False], scores >= keep, [False]]).astype(np.int8))
    firsts, lasts = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    return [
        (int(first), int(last))
        for first, last in zip(firsts, lasts, strict=True)
        if scores[first:last].max() >= begin
    ]


def merge_gaps(
    runs: list[tuple[int, int]], edges: np.ndarray, max_gap: float
) -> list[tuple[int, int]]:
    """Joins runs of one class that are at most `max_gap` seconds apart.

    Args:
        runs: The runs that `active_runs` returns.
        edges: The edges of the windows' stretches; see `stretch_edges`.
        max_gap: Longest gap that is closed, in seconds.

    Returns:
        The runs, in the same form.
    """
    merged: list[tuple[int, int]] = []
    for first, last in runs:
        # Half a microsecond, since hops such as 0.48 are no exact numbers.
        if merged and edges[first] - edges[merged[-1][1]] <= max_gap + 5e-7:
            merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    return merged


def _lasts_right(seconds: float, rules: EventRules) -> bool:
    longest = np.inf if rules.max_duration is None else rules.max_duration
    return rules.min_duration - 5e-7 <= seconds <= longest + 5e-7
