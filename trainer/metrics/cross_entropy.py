"""The loss of a model on clips, as Keras defines it for the heads' training.

TFMA's own cross-entropies do not accept class ids as labels. The Keras metrics that it wraps
compute in float32 and take tens of milliseconds per slice. scikit-learn's `log_loss` has another
bound of scores than Keras.
"""

from functools import partial

import numpy as np

from trainer.metrics.clip_metrics import ClipMetric, MetricValues, ScoredClips

LOSS = "loss"
_EPSILON = 1e-7  # `keras.config.epsilon()`.


class CrossEntropy(ClipMetric):
    """The mean cross-entropy for TensorFlow Model Analysis.

    -log of the score of the clip's class; for several labels, the mean of the binary
    cross-entropies of all labels (Bishop 2006, "Pattern Recognition and Machine Learning",
    equations 4.108 and 4.90).

    Args:
        multi_label: Whether a clip may have any number of labels.
        name: Name of the metric.
    """

    def __init__(self, multi_label: bool, name: str = LOSS):
        super().__init__(partial(_loss, multi_label=multi_label), name, multi_label=multi_label)


def _loss(clips: ScoredClips, *, multi_label: bool) -> MetricValues:
    truth, scores = clips.truth, clips.scores.astype(np.float64)
    if not multi_label:
        own = (scores * truth).sum(axis=1) / scores.sum(axis=1)
        return MetricValues({LOSS: -np.log(np.clip(own, _EPSILON, 1 - _EPSILON)).mean()})
    right = np.where(truth, scores, 1 - scores)
    return MetricValues({LOSS: -np.log(np.clip(right, _EPSILON, 1 - _EPSILON)).mean()})
