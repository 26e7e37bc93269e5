"""How right a model's decisions are: which labels it gives a clip, and which it does not."""

import numpy as np

from trainer.metrics.clip_metrics import ClipMetric, Measured, ScoredClips, mean_over_classes

HAMMING_LOSS = "hamming_loss"
LABEL_ACCURACY = "label_accuracy"
EXACT_MATCH = "exact_match"
MACRO_F1 = "macro_f1"


class ClassDecisions(ClipMetric):
    """Precision, recall and F1 by class for TensorFlow Model Analysis, and the mean F1.

    A class without clips counts for nothing. Precision is 0 where a class was never decided on.
    """

    def __init__(self, name: str = MACRO_F1):
        super().__init__(_by_class, name)


class LabelDecisions(ClipMetric):
    """What is made of the decisions on all labels, where clips have several.

    `hamming_loss`: the share of wrong decisions among all decisions on a clip and a label; lower is
    better. `label_accuracy`: the share of right ones, also by class. `exact_match`: the share of
    clips with every decision right.
    """

    def __init__(self, name: str = HAMMING_LOSS):
        super().__init__(_over_labels, name)


def mistakes(clips: ScoredClips) -> np.ndarray:
    """Counts every clip's wrong decisions, int [clips]."""
    return (clips.truth != clips.decisions).sum(axis=1)


def f1_scores(hits: np.ndarray, clips: np.ndarray, decided: np.ndarray) -> np.ndarray:
    """Computes F1 from counts of any shape.

    Args:
        hits: Clips of a class on which it was decided.
        clips: All of its clips.
        decided: All clips on which it was decided.

    Returns:
        Numbers of the same shape; NaN where a class has no clips.
    """
    return np.where(clips > 0, 2 * hits / np.maximum(clips + decided, 1), np.nan)


def _by_class(clips: ScoredClips) -> Measured:
    hits = (clips.truth & clips.decisions).sum(axis=0)
    support, decided = clips.truth.sum(axis=0), clips.decisions.sum(axis=0)
    f1 = f1_scores(hits, support, decided)
    none = np.where(support > 0, 0.0, np.nan)
    return Measured(
        mean_over_classes({MACRO_F1: f1}),
        {
            "precision": none + hits / np.maximum(decided, 1),
            "recall": none + hits / np.maximum(support, 1),
            "f1": f1,
            "support": none + support,
        },
    )


def _over_labels(clips: ScoredClips) -> Measured:
    wrong = clips.truth != clips.decisions
    right = np.where(clips.truth.any(axis=0), 1 - wrong.mean(axis=0), np.nan)
    return Measured(
        {
            HAMMING_LOSS: wrong.mean(),
            LABEL_ACCURACY: 1 - wrong.mean(),
            EXACT_MATCH: (mistakes(clips) == 0).mean(),
        },
        {LABEL_ACCURACY: right},
    )
