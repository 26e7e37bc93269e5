"""Thresholds for a wanted precision, and how sure the precision is at the number of clips."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from trainer.decisions.thresholds import midway

NEVER = float(np.nextafter(np.float32(1), np.float32(2)))
"""Threshold that no score reaches, of a class that is never decided."""

LEAST_CLIPS = 10
"""Minimum number of clips of a class for a threshold. Of fewer, a few lucky ones seem precise."""

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class PreciseThreshold:
    """The threshold of a class, and what it does to the clips that chose it.

    Attributes:
        threshold: The least score for a decision; `NEVER` if the class is never decided.
        clips: Clips of the class.
        decided: Clips that get the label, rightly or not.
        precision: Share of the decided clips that are of the class; None if none is decided.
        at_least: Lower bound of the precision, one-sided, of 95% confidence; None likewise.
        recall: Share of the clips of the class that get the label; None without clips.
    """

    threshold: float
    clips: int
    decided: int = 0
    precision: float | None = None
    at_least: float | None = None
    recall: float | None = None


def precise_thresholds(
    truth: np.ndarray, scores: np.ndarray, wanted: float
) -> list[PreciseThreshold]:
    """Finds, for every class, the lowest threshold with a wanted precision.

    The lowest one has the highest recall. Like those of `tune_thresholds`, it lies midway between
    two scores of the data. The bound of the precision is that of Clopper and Pearson (1934), "The
    use of confidence or fiducial limits illustrated in the case of the binomial". It is the bound
    of one threshold; as the best of many was taken, new clips fall below it a little more often.

    Args:
        truth: Ones and zeros [clips, classes], of clips that were not used in training.
        scores: float32 [clips, classes].
        wanted: Precision, more than 0 and at most 1.

    Returns:
        The thresholds in the order of the classes. A class with fewer than `LEAST_CLIPS`, or whose
        precision is lower at every threshold, is never decided.
    """
    return [
        _precise_threshold(of_class > 0, given.astype(np.float32), wanted)
        for of_class, given in zip(truth.T, scores.T, strict=True)
    ]


def _precise_threshold(truth: np.ndarray, scores: np.ndarray, wanted: float) -> PreciseThreshold:
    clips = int(truth.sum())
    candidates = np.unique(scores)  # Ascending.
    decided = len(scores) - np.searchsorted(np.sort(scores), candidates)
    hits = clips - np.searchsorted(np.sort(scores[truth]), candidates)
    precise = np.flatnonzero((hits > 0) & (hits >= wanted * decided))
    if clips < LEAST_CLIPS or not len(precise):
        return PreciseThreshold(NEVER, clips, recall=0.0 if clips else None)
    lowest = int(precise[0])
    right, given = int(hits[lowest]), int(decided[lowest])
    at_least = float(beta.ppf(1 - _CONFIDENCE, right, given - right + 1))
    return PreciseThreshold(
        threshold=float(midway(candidates, lowest)),
        clips=clips,
        decided=given,
        precision=right / given,
        at_least=at_least,
        recall=right / clips,
    )
