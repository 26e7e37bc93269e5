"""Precision and recall of each class over all thresholds."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from sklearn.metrics import precision_recall_curve

CURVES_SHOWN = 12


class PrecisionRecall(TypedDict):
    """Precision and recall of a class, from the highest threshold down.

    `chosen` is the place in both of the model's threshold; None if no clip reaches it.
    """

    precision: Sequence[float]
    recall: Sequence[float]
    chosen: int | None


def measure_precision_recall(
    classes: Sequence[str], truth: np.ndarray, scores: np.ndarray, thresholds: np.ndarray
) -> dict[str, PrecisionRecall]:
    """Measures the classes with the most clips.

    Args:
        classes: Class names.
        truth: True labels, bool [clips, classes].
        scores: Scores, float32 [clips, classes].
        thresholds: The model's thresholds, [classes].

    Returns:
        The curves by class name, at most `CURVES_SHOWN`; a class without a clip has none.
    """
    clips = truth.sum(axis=0)
    curves = {}
    for k in np.argsort(-clips, kind="stable")[:CURVES_SHOWN]:
        if clips[k]:
            precision, recall, tried = precision_recall_curve(truth[:, k], scores[:, k])
            # scikit-learn begins with the lowest threshold, and ends with a point that has none.
            reached = len(tried) - int(np.searchsorted(tried, thresholds[k]))
            curves[classes[k]] = PrecisionRecall(
                precision=precision[-2::-1].tolist(),
                recall=recall[-2::-1].tolist(),
                chosen=reached - 1 if reached else None,
            )
    return curves
