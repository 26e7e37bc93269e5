"""From the scores of several models to those of an ensemble."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import tensorflow as tf

from trainer.fitting.log_odds import fit_weights, log_odds_of, weigh_scores

_WEIGHTS = (0.0, 20.0)
"""The lowest and the highest weight. Scores of models go together, so that a few clips would give
some of them weights below 0, which do worse on others (Breiman 1996, "Stacked regressions")."""

_PULL = 1.0
"""Precision of the prior of the weights, of which the deviation is the inverse square root."""


@dataclass(frozen=True)
class Combination:
    """How the scores of the members become those of the ensemble.

    Attributes:
        combine: `mean`, of scores that of one label sum to 1; or `stack`, a weighted sum of
            log-odds, which is logistic regression on them (Wolpert 1992, "Stacked generalization").
        weights: The weight of each member.
        offset: Shift of the log-odds of a stack; 0 for clips with one label.
        multi_label: Whether a clip may have any number of labels.
    """

    combine: Literal["mean", "stack"]
    weights: tuple[float, ...]
    offset: float
    multi_label: bool

    def __call__(self, scores: Sequence[tf.Tensor]) -> tf.Tensor:
        """Combines scores, float32 [batch, classes] of each member."""
        if self.combine == "stack":
            return weigh_scores(scores, self.weights, self.offset, multi_label=self.multi_label)
        if not self.multi_label:
            scores = [
                tf.math.divide_no_nan(s, tf.reduce_sum(s, axis=1, keepdims=True)) for s in scores
            ]
        return tf.add_n([w * s for w, s in zip(self.weights, scores, strict=True)])


def fit_combination(
    combine: Literal["mean", "stack"],
    truth: np.ndarray,
    scores: Sequence[np.ndarray],
    *,
    multi_label: bool,
) -> Combination:
    """Chooses the weights of the members, of a stack by clips that they did not learn from.

    All classes share them: an eval split often has a handful of clips a class, which cannot tell
    more than a number or two a member. For the same reason, weights are at least 0, and as far from
    equal ones as the clips outweigh a normal prior with a deviation of 1.

    Args:
        combine: `mean` or `stack`.
        truth: Whether an eval clip has a label, bool [clips, classes].
        scores: The members' scores of these clips, float32 [clips, classes] each.
        multi_label: Whether a clip may have any number of labels.
    """
    equal = (1 / len(scores),) * len(scores)
    if combine == "mean":
        return Combination(combine, equal, 0.0, multi_label)
    odds = np.stack([log_odds_of(some, multi_label=multi_label) for some in scores])
    weights, offset = fit_weights(truth, odds, multi_label=multi_label, bounds=_WEIGHTS, pull=_PULL)
    return Combination(combine, tuple(weights), offset, multi_label)
