"""How well each class's scores rank its clips before all others: average precision and AUC."""

import numpy as np

from trainer.metrics.clip_metrics import ClipMetric, Measured, ScoredClips, mean_over_classes

MEAN_AVERAGE_PRECISION = "mean_average_precision"
AVERAGE_PRECISION = "average_precision"
AUC = "auc"


class Ranking(ClipMetric):
    """The means over classes for TensorFlow Model Analysis, and both metrics by class.

    Classes without clips, or for AUC without other clips, count for nothing in the means.
    """

    def __init__(self, name: str = MEAN_AVERAGE_PRECISION):
        super().__init__(_ranking, name)


def average_precisions(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Computes every class's average precision, as scikit-learn defines it.

    Of every clip of the class, the share of such clips among those that score as high or higher;
    averaged over the clips of the class.

    Args:
        truth: bool [clips, classes].
        scores: float [clips, classes].

    Returns:
        float64 [classes]; NaN where a class has no clips.
    """
    result = np.full(truth.shape[1], np.nan)
    for c in np.flatnonzero(truth.any(axis=0)):
        everyone, own = np.sort(scores[:, c]), np.sort(scores[truth[:, c], c])
        retrieved = len(everyone) - np.searchsorted(everyone, own)
        result[c] = np.mean((len(own) - np.searchsorted(own, own)) / retrieved)
    return result


def areas_under_curve(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Computes every class's area under the ROC curve, one class against the rest.

    It is the chance that a clip of the class scores higher than another clip, where equal scores
    count one half (Mann and Whitney).

    Args:
        truth: bool [clips, classes].
        scores: float [clips, classes].

    Returns:
        float64 [classes]; NaN where all clips, or none, are of the class.
    """
    result = np.full(truth.shape[1], np.nan)
    for c in np.flatnonzero(truth.any(axis=0) & ~truth.all(axis=0)):
        own, others = scores[truth[:, c], c], np.sort(scores[~truth[:, c], c])
        below = np.searchsorted(others, own) + np.searchsorted(others, own, side="right")
        result[c] = np.mean(below / 2) / len(others)
    return result


def _ranking(clips: ScoredClips) -> Measured:
    by_class = {
        MEAN_AVERAGE_PRECISION: average_precisions(clips.truth, clips.scores),
        AUC: areas_under_curve(clips.truth, clips.scores),
    }
    precisions = by_class[MEAN_AVERAGE_PRECISION]
    return Measured(
        mean_over_classes(by_class), {AVERAGE_PRECISION: precisions, AUC: by_class[AUC]}
    )
