"""Label-weighted label-ranking average precision, the metric of multi-label sound tagging.

Defined by the DCASE 2019 challenge, task 2 (Fonseca et al. 2019, arXiv:1906.02975): for every true
label of a clip, the share of true labels among those ranked as high or higher, averaged over all
true labels of all clips. Labels with equal scores all get the last rank among them, as in
scikit-learn's `label_ranking_average_precision_score`, which gives no value by class or by clip.
"""

from collections.abc import Iterator

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
    # [clips, own, other]: whether the other label ranks as high as the own label, or higher.
    above = scores[:, None, :] >= scores[:, :, None]
    ranks = above.sum(axis=2)
    hits = (above * (truth[:, None, :] > 0)).sum(axis=2)
    return np.where(truth > 0, hits / ranks, 0.0)


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
    return np.concatenate([part.sum(axis=1) for part in _parts(truth, scores)])


class Lwlrap(ClipMetric):
    """The metric for TensorFlow Model Analysis: overall, and by class.

    It is NaN if no clip has a label. It may not be missing: TFMA fails a threshold on a metric that
    a slice lacks, even if the threshold does not apply to this slice.
    """

    def __init__(self, name: str = LWLRAP):
        super().__init__(_lwlrap, name)


def _lwlrap(clips: ScoredClips) -> MetricValues:
    counts = clips.truth.sum(axis=0)
    precisions = sum(part.sum(axis=0) for part in _parts(clips.truth, clips.scores))
    with np.errstate(invalid="ignore"):  # 0/0 is undefined.
        return MetricValues(
            {LWLRAP: precisions.sum() / counts.sum()}, {LWLRAP: precisions / counts}
        )


def _parts(truth: np.ndarray, scores: np.ndarray) -> Iterator[np.ndarray]:
    """Yields `label_precisions` of as many clips at a time as fit in memory."""
    step = max(1, _COMPARISONS_AT_ONCE // truth.shape[1] ** 2)
    for start in range(0, len(truth), step):
        yield label_precisions(truth[start : start + step], scores[start : start + step])
