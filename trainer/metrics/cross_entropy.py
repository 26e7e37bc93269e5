"""The loss of a model on clips, as Keras defines it for the heads' training.

TFMA's own cross-entropies do not take class ids for labels, and those of Keras that it wraps
compute in float32 and cost tens of milliseconds a slice.
"""

from functools import partial

import numpy as np

from trainer.metrics.clip_metrics import ClipMetric, Measured, ScoredClips

NAME = "loss"
_EPSILON = 1e-7  # Keras's.


class CrossEntropy(ClipMetric):
    """The mean cross-entropy for TensorFlow Model Analysis.

    Args:
        multi_label: Whether a clip may have several labels, or none: then every label counts, as
            binary cross-entropy; else the clip's class alone.
        name: The metric's.
    """

    def __init__(self, multi_label: bool, name: str = NAME):
        super().__init__(partial(_loss, multi_label=multi_label), name, multi_label=multi_label)


def _loss(clips: ScoredClips, *, multi_label: bool) -> Measured:
    truth, scores = clips.truth, clips.scores.astype(np.float64)
    if not multi_label:
        own = (scores * truth).sum(axis=1) / scores.sum(axis=1)
        return Measured({NAME: -np.log(np.clip(own, _EPSILON, 1 - _EPSILON)).mean()})
    right = np.where(truth, scores, 1 - scores)
    return Measured({NAME: -np.log(np.clip(right, _EPSILON, 1 - _EPSILON)).mean()})
