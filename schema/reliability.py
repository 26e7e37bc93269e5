"""Whether scores mean probabilities: of clips with a score of 0.8, 80% should be right."""

from dataclasses import dataclass

import numpy as np

CALIBRATION_CLIPS = 50
"""Minimum number of eval clips for a calibration: fewer decide nothing."""

BINS = 15
"""Number of equal intervals of scores, as in Guo et al. (2017)."""


@dataclass(frozen=True)
class Reliability:
    """Scores in intervals, without the intervals that no score is in.

    Attributes:
        confidence: Mean score of each interval, float64 [bins].
        right: Share of them that were right, float64 [bins].
        counts: Their number, int64 [bins].
    """

    confidence: np.ndarray
    right: np.ndarray
    counts: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error: the mean distance between score and share, by counts."""
        if not len(self.counts):
            return float("nan")
        distance = np.abs(self.confidence - self.right)
        return float(np.average(distance, weights=self.counts))


def measure_reliability(truth: np.ndarray, scores: np.ndarray, *, multi_label: bool) -> Reliability:
    """Sorts scores into intervals (Guo et al. 2017, "On calibration of modern neural networks").

    Of a clip with one label, the highest score counts, and is right if that class is the clip's. Of
    a clip with any number of labels, every class counts.

    Args:
        truth: Whether a clip has a label, bool [clips, classes].
        scores: Between 0 and 1, float [clips, classes].
        multi_label: Whether a clip may have any number of labels.

    Returns:
        The intervals.
    """
    if multi_label:
        confidence, right = scores.ravel(), truth.ravel()
    else:
        best = scores.argmax(axis=1)[:, np.newaxis]
        confidence = np.take_along_axis(scores, best, axis=1)[:, 0]
        right = np.take_along_axis(truth, best, axis=1)[:, 0]
    places = np.minimum((confidence * BINS).astype(int), BINS - 1)
    counts = np.bincount(places, minlength=BINS)
    filled = counts > 0
    sums = [np.bincount(places, weights=w, minlength=BINS)[filled] for w in (confidence, right)]
    return Reliability(sums[0] / counts[filled], sums[1] / counts[filled], counts[filled])
