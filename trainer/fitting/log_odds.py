"""Weighted sums of log-odds, with few weights that eval clips decide.

The scores of one model or of several become softmax(sum of weight log p), of one label a clip; or
sigmoid(sum of weight logit(p) + offset), of several. The weights are those of logistic regression.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.optimize import minimize
from scipy.special import expit, log_softmax

_EPSILON = 1e-7
_OFFSETS = (-10.0, 10.0)


def weigh_scores(
    scores: Sequence[tf.Tensor], weights: Sequence[float], offset: float, *, multi_label: bool
) -> tf.Tensor:
    """Computes scores from those of several models.

    Args:
        scores: Those of each model, float32 [batch, classes].
        weights: The weight of each model.
        offset: Shift of the log-odds; without a meaning for clips with one label.
        multi_label: Whether a clip may have any number of labels.

    Returns:
        float32 [batch, classes].
    """
    odds = tf.add_n(
        [w * _log_odds(s, multi_label=multi_label) for w, s in zip(weights, scores, strict=True)]
    )
    return tf.sigmoid(odds + offset) if multi_label else tf.nn.softmax(odds)


def _log_odds(scores: tf.Tensor, *, multi_label: bool) -> tf.Tensor:
    clipped = tf.clip_by_value(scores, _EPSILON, 1 - _EPSILON)
    return tf.math.log(clipped) - (tf.math.log1p(-clipped) if multi_label else 0.0)


def log_odds_of(scores: np.ndarray, *, multi_label: bool) -> np.ndarray:
    """Returns log p of one label, logit(p) of several, float64 of the shape of the scores."""
    odds: np.ndarray = _log_odds(scores.astype(np.float64), multi_label=multi_label).numpy()
    return odds


def probabilities_of(odds: np.ndarray, *, multi_label: bool) -> np.ndarray:
    """Returns probabilities from log-odds, [clips, classes]."""
    result: np.ndarray = expit(odds) if multi_label else np.exp(log_softmax(odds, axis=1))
    return result


def cross_entropy_of(truth: np.ndarray, odds: np.ndarray, *, multi_label: bool) -> float:
    """Returns the mean loss of clips, of several labels also over classes.

    Args:
        truth: Whether a clip has a label, bool [clips, classes].
        odds: Log-odds, float64 [clips, classes].
        multi_label: Whether a clip may have any number of labels.
    """
    if multi_label:
        return float(np.mean(np.logaddexp(0, odds) - truth * odds))
    return float(-np.mean(np.sum(truth * log_softmax(odds, axis=1), axis=1)))


def fit_weights(
    truth: np.ndarray,
    odds: np.ndarray,
    *,
    multi_label: bool,
    bounds: tuple[float, float],
    pull: float = 0.0,
) -> tuple[list[float], float]:
    """Fits the weights with the lowest cross-entropy.

    Args:
        truth: Whether a clip has a label, bool [clips, classes].
        odds: Log-odds of each model, float64 [models, clips, classes].
        multi_label: Whether a clip may have any number of labels.
        bounds: The lowest and the highest weight.
        pull: Precision of a normal prior of the weights, whose mean is one share of 1 each. The
            fewer clips, the more it counts.

    Returns:
        The weight of each model, and the offset, which is 0 of one label.
    """
    models, clips = odds.shape[:2]
    equal = np.full(models, 1 / models)
    # Of several labels, the loss is a mean over classes; the gradient below is of their sum.
    scale = truth.shape[1] if multi_label else 1

    def loss(numbers: np.ndarray) -> tuple[float, np.ndarray]:
        *weights, offset = numbers
        summed = np.tensordot(weights, odds, 1) + (offset if multi_label else 0.0)
        wrong = (probabilities_of(summed, multi_label=multi_label) - truth) / clips
        away = weights - equal
        slopes = np.tensordot(odds, wrong, 2) + pull / clips * away
        return (
            cross_entropy_of(truth, summed, multi_label=multi_label) * scale
            + 0.5 * pull / clips * np.sum(away**2),
            np.append(slopes, np.sum(wrong) if multi_label else 0.0),
        )

    limits = [bounds] * models + [_OFFSETS]
    fitted: Any = minimize(loss, [*equal, 0.0], jac=True, method="L-BFGS-B", bounds=limits)
    *weights, offset = fitted.x.tolist()
    return weights, offset if multi_label else 0.0
