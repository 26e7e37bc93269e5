"""Accuracy, for clips with one label."""

import numpy as np

from trainer.metrics.clip_metrics import ClipMetric, MetricValues, ScoredClips

ACCURACY = "accuracy"
TOP_5_ACCURACY = "top_5_accuracy"
_K = 5


class Accuracy(ClipMetric):
    """`accuracy` and `top_5_accuracy` for TensorFlow Model Analysis.

    `accuracy` is the share of clips whose class is predicted; `top_5_accuracy` is the share whose
    class is among the five highest scores (Russakovsky et al. 2015, "ImageNet Large Scale Visual
    Recognition Challenge", section 4.1).
    """

    def __init__(self, name: str = ACCURACY):
        super().__init__(_accuracies, name)


def top_1_hits(clips: ScoredClips) -> np.ndarray:
    """Tells for every clip whether its class is predicted, bool [clips]."""
    return (clips.decisions & clips.truth).any(axis=1)


def top_5_hits(clips: ScoredClips) -> np.ndarray:
    """Tells for every clip whether fewer than five classes score above its own, bool [clips].

    Ties count as hits, as in `tf.math.in_top_k`.
    """
    own = np.where(clips.truth, clips.scores, -np.inf).max(axis=1, keepdims=True)
    return clips.truth.any(axis=1) & ((clips.scores > own).sum(axis=1) < _K)


def _accuracies(clips: ScoredClips) -> MetricValues:
    return MetricValues(
        {ACCURACY: top_1_hits(clips).mean(), TOP_5_ACCURACY: top_5_hits(clips).mean()}
    )
