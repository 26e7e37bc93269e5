"""Label-weighted label-ranking average precision, the metric of multi-label sound tagging.

Defined by the DCASE 2019 challenge, task 2 (FSDKaggle2019): of every true label of a clip, the
share of true labels among those that are ranked as high or higher; averaged over all true labels of
all clips, so that each label counts the same. Of equal scores all are taken to rank at the last
place among them, as in scikit-learn's label-ranking average precision.
"""

from collections.abc import Iterator

import numpy as np

from trainer.metrics.clip_metrics import ClipMetric, Measured, ScoredClips

NAME = "lwlrap"
_COMPARISONS_AT_ONCE = 2**22


def label_precisions(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Computes the precision at the rank of every true label.

    Args:
        truth: Ones and zeros [clips, classes].
        scores: float [clips, classes].

    Returns:
        float64 [clips, classes], zero where a label is not true.
    """
    # [clips, own, other]: whether the other label ranks as high as one's own, or higher.
    above = scores[:, None, :] >= scores[:, :, None]
    ranks = above.sum(axis=2)
    hits = (above * (truth[:, None, :] > 0)).sum(axis=2)
    return np.where(truth > 0, hits / ranks, 0.0)


def lwlrap(truth: np.ndarray, scores: np.ndarray) -> float:
    """Computes the metric over all clips.

    Args:
        truth: Ones and zeros [clips, classes], with at least one one.
        scores: float [clips, classes].

    Returns:
        Between 0 and 1; 1 where every clip's true labels rank before all others.
    """
    return float(sum(part.sum() for part in _parts(truth, scores)) / (truth > 0).sum())


def sums_of_precisions(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Adds up the precisions of every clip's true labels, float64 [clips]."""
    return np.concatenate([part.sum(axis=1) for part in _parts(truth, scores)])


class Lwlrap(ClipMetric):
    """The metric for TensorFlow Model Analysis: overall, and by class.

    Where no clip has a label it is not a number: a threshold on a metric that a slice lacks fails
    in TFMA, even one that is not asked of this slice.
    """

    def __init__(self, name: str = NAME):
        super().__init__(_lwlrap, name)


def _lwlrap(clips: ScoredClips) -> Measured:
    counts = clips.truth.sum(axis=0)
    precisions = sum(part.sum(axis=0) for part in _parts(clips.truth, clips.scores))
    with np.errstate(invalid="ignore"):  # Nought of nought is not defined.
        return Measured({NAME: precisions.sum() / counts.sum()}, {NAME: precisions / counts})


def _parts(truth: np.ndarray, scores: np.ndarray) -> Iterator[np.ndarray]:
    """Yields `label_precisions`, of as many clips at once as memory has room for."""
    step = max(1, _COMPARISONS_AT_ONCE // truth.shape[1] ** 2)
    for start in range(0, len(truth), step):
        yield label_precisions(truth[start : start + step], scores[start : start + step])
