"""From scores to decisions, where clips may have several labels or none."""

import numpy as np

UNTUNED = 0.5
"""The threshold of a class that no clip has: that of a calibrated probability."""


def tune_thresholds(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Finds for every class the threshold with the highest F1.

    A class is decided on from its threshold upward. The threshold lies midway between two scores
    that occur, so that it does not hang on their last digit; of several with the same F1 the
    highest is taken.

    Args:
        truth: Ones and zeros [clips, classes], of clips that the head has not learned from.
        scores: float32 [clips, classes].

    Returns:
        float32 [classes]; `UNTUNED` where a class has no clips.
    """
    thresholds = np.full(truth.shape[1], UNTUNED, np.float32)
    for c in np.flatnonzero(truth.any(axis=0)):
        thresholds[c] = _best_threshold(truth[:, c] > 0, scores[:, c].astype(np.float32))
    return thresholds


def _best_threshold(truth: np.ndarray, scores: np.ndarray) -> np.float32:
    candidates = np.unique(scores)  # Ascending.
    decided = len(scores) - np.searchsorted(np.sort(scores), candidates)
    hits = truth.sum() - np.searchsorted(np.sort(scores[truth]), candidates)
    f1 = 2 * hits / (decided + truth.sum())
    best = np.flatnonzero(f1 == f1.max())[-1]
    below = candidates[best - 1] if best else np.float32(0)
    middle = (candidates[best] + below) / 2
    # Between neighbours there is no float32.
    return middle if middle > below else candidates[best]
