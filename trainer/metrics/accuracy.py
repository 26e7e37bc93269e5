"""How often the class of a clip is found, where clips have one label."""

import numpy as np

from trainer.metrics.clip_metrics import ClipMetric, Measured, ScoredClips

NAME = "accuracy"
TOP_NAME = "top_5_accuracy"
_K = 5


class Accuracy(ClipMetric):
    """`accuracy` and `top_5_accuracy` for TensorFlow Model Analysis."""

    def __init__(self, name: str = NAME):
        super().__init__(_accuracies, name)


def hits(clips: ScoredClips) -> np.ndarray:
    """Tells of every clip whether its class was decided on, bool [clips]."""
    return (clips.decisions & clips.truth).any(axis=1)


def top_hits(clips: ScoredClips) -> np.ndarray:
    """Tells of every clip whether fewer than five classes score higher than its own, bool [clips].

    As in TensorFlow, classes of the same score are all let in.
    """
    own = np.where(clips.truth, clips.scores, -np.inf).max(axis=1, keepdims=True)
    return clips.truth.any(axis=1) & ((clips.scores > own).sum(axis=1) < _K)


def _accuracies(clips: ScoredClips) -> Measured:
    return Measured({NAME: hits(clips).mean(), TOP_NAME: top_hits(clips).mean()})
