"""Label-weighted label-ranking average precision, the metric of multi-label sound tagging.

Defined by the DCASE 2019 challenge, task 2 (Fonseca et al. 2019, arXiv:1906.02975): for every true
label of a clip, the share of true labels among those ranked as high or higher, averaged over all
true labels of all clips. Labels with equal scores all get the last rank among them, as in
scikit-learn's `label_ranking_average_precision_score`, which gives no value by class or by clip.
"""

import numpy as np

from trainer.metrics.clip_metrics import ClipMetric, MetricValues, ScoredClips

LWLRAP = "lwlrap"
_COMPARISONS_AT_ONCE = 2**22


def label_precisions(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Computes the precision at the rank of every true label.

    Args:
        truth: Ones and zeros [clips, classes].
        scores: float [clips, classes].

    Returns:
        float64 [clips, classes]; 0 for a label that is not true.
    """
    precisions = np.zeros(truth.shape)
    clips, labels = np.nonzero(truth > 0)
    step = max(1, _COMPARISONS_AT_ONCE // truth.shape[1])
    for begin in range(0, len(clips), step):
        clip, label = clips[begin : begin + step], labels[begin : begin + step]
        # [true labels, classes]: whether a class ranks as high as the true label, or higher.
        above = scores[clip] >= scores[clip, label][:, np.newaxis]
        hits = (above & (truth[clip] > 0)).sum(axis=1)
        precisions[clip, label] = hits / above.sum(axis=1)
    return precisions


def lwlrap(truth: np.ndarray, scores: np.ndarray) -> float:
    """Computes the metric over all clips.

    Args:
        truth: Ones and zeros [clips, classes], with at least one true label.
        scores: float [clips, classes].

    Returns:
        A number from 0 to 1; 1 if every clip's true labels rank above all others.
    """
    return float(precision_sums(truth, scores).sum() / truth.sum())


def precision_sums(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Sums the precisions of every clip's true labels, float64 [clips]."""
    return label_precisions(truth, scores).sum(axis=1)


class Lwlrap(ClipMetric):
    """The metric for TensorFlow Model Analysis: overall, and by class.

    It is NaN if no clip has a label. It may not be missing: TFMA fails a threshold on a metric that
    a slice lacks, even if the threshold does not apply to this slice.
    """

    def __init__(self, name: str = LWLRAP):
        super().__init__(_lwlrap, name)


def _lwlrap(clips: ScoredClips) -> MetricValues:
    counts = clips.truth.sum(axis=0)
    precisions = label_precisions(clips.truth, clips.scores).sum(axis=0)
    with np.errstate(invalid="ignore"):  # 0/0 is undefined.
        return MetricValues(
            {LWLRAP: precisions.sum() / counts.sum()}, {LWLRAP: precisions / counts}
        )
