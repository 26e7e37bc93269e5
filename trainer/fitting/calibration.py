"""Calibration: scores that mean probabilities, by one or two numbers that eval clips decide."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from schema.reliability import CALIBRATION_CLIPS, measure_reliability
from trainer.fitting.log_odds import (
    cross_entropy_of,
    fit_weights,
    log_odds_of,
    probabilities_of,
    weigh_scores,
)

_FOLDS = 5
_SLOPES = (0.05, 20.0)


@dataclass(frozen=True)
class Calibration:
    """A change of scores that keeps their order in each clip.

    Of one label, it is softmax(slope log p), temperature scaling with the temperature 1 / slope
    (Guo et al. 2017, arXiv:1706.04599). Of several labels, it is sigmoid(slope logit(p) + offset),
    with the same two numbers for all classes (Platt 1999).

    Attributes:
        slope: Factor of the log-odds; below 1, the model was too sure.
        offset: Shift of the log-odds; 0 for clips with one label.
        multi_label: Whether a clip may have any number of labels.
        loss_before: Cross-entropy of the eval clips as the head scores them; of one label, with
            the scores made to sum to 1.
        loss_after: The same, each fifth of the clips calibrated by the rest.
        error_before: Expected calibration error of the eval clips as the head scores them.
        error_after: The same, each fifth of the clips calibrated by the rest.
    """

    slope: float
    offset: float
    multi_label: bool
    loss_before: float
    loss_after: float
    error_before: float
    error_after: float

    def __call__(self, scores: tf.Tensor) -> tf.Tensor:
        """Changes scores, float32 [batch, classes]."""
        return weigh_scores([scores], [self.slope], self.offset, multi_label=self.multi_label)


class CalibratedHead(tf.Module):
    """A head, and the calibration of its scores.

    Args:
        head: Function from features of clips, ragged float32 [batch, n, D], to scores [batch,
            classes].
        calibration: What is done to its scores.
    """

    def __init__(self, head: Callable[[tf.RaggedTensor], tf.Tensor], calibration: Calibration):
        super().__init__(name="calibrated_head")
        self._head = head
        self._calibration = calibration

    def __call__(self, embedding: tf.RaggedTensor) -> tf.Tensor:
        """Scores a batch."""
        return self._calibration(self._head(embedding))


def fit_calibration(
    truth: np.ndarray, scores: np.ndarray, *, multi_label: bool
) -> Calibration | None:
    """Fits a calibration to clips that were not used in training, if that helps with others.

    It helps if cross-entropy and calibration error are lower when each fifth of the clips is
    calibrated by the rest.

    Args:
        truth: Whether a clip has a label, bool [clips, classes].
        scores: float32 [clips, classes].
        multi_label: Whether a clip may have any number of labels.

    Returns:
        The calibration; None if it does not help, or there are fewer than
        `CALIBRATION_CLIPS`.
    """
    if len(truth) < CALIBRATION_CLIPS:
        return None
    odds = log_odds_of(scores, multi_label=multi_label)
    fold = np.random.default_rng(0).permutation(len(truth)) % _FOLDS
    crossed = np.empty_like(odds)
    for number in range(_FOLDS):
        seen = fold != number
        slope, offset = _fit(truth[seen], odds[seen], multi_label=multi_label)
        crossed[~seen] = slope * odds[~seen] + offset
    before, after = (
        cross_entropy_of(truth, some, multi_label=multi_label) for some in (odds, crossed)
    )
    calibrated = probabilities_of(crossed, multi_label=multi_label)
    error_before, error_after = (
        measure_reliability(truth, given, multi_label=multi_label).error
        for given in (scores, calibrated)
    )
    if after >= before or error_after >= error_before:
        return None
    slope, offset = _fit(truth, odds, multi_label=multi_label)
    return Calibration(slope, offset, multi_label, before, after, error_before, error_after)


def _fit(truth: np.ndarray, odds: np.ndarray, *, multi_label: bool) -> tuple[float, float]:
    (slope,), offset = fit_weights(truth, odds[np.newaxis], multi_label=multi_label, bounds=_SLOPES)
    return slope, offset
