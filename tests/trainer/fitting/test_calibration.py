"""Calibration of scores, fitted on made scores whose probabilities are known."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, logit, softmax

from schema.reliability import CALIBRATION_CLIPS, measure_reliability
from trainer.fitting.calibration import CalibratedHead, fit_calibration


def one_label(clips: int, slope: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from probabilities, and scores that are too sure for `slope` below 1."""
    rng = np.random.default_rng(1)
    odds = rng.normal(0, 2, [clips, 5])
    labels = [rng.choice(5, p=row) for row in softmax(odds, axis=1)]
    return np.eye(5, dtype=bool)[labels], softmax(odds / slope, axis=1).astype(np.float32)


def several_labels(clips: int, slope: float, offset: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    odds = rng.normal(-1, 2, [clips, 5])
    truth = rng.random(odds.shape) < expit(odds)
    return truth, expit((odds - offset) / slope).astype(np.float32)


@pytest.mark.parametrize("slope", [0.4, 2.5])
def test_one_label_gets_its_probabilities(slope: float) -> None:
    truth, scores = one_label(4_000, slope)
    calibration = fit_calibration(truth, scores, multi_label=False)
    assert calibration is not None
    assert calibration.slope == pytest.approx(slope, rel=0.1)
    assert calibration.loss_after < calibration.loss_before
    assert calibration.error_after < 0.03 < calibration.error_before
    calibrated = calibration(tf.constant(scores)).numpy()
    np.testing.assert_array_equal(calibrated.argmax(axis=1), scores.argmax(axis=1))
    np.testing.assert_allclose(calibrated.sum(axis=1), 1, rtol=1e-5)
    measured = measure_reliability(truth, calibrated, multi_label=False)
    assert measured.error == pytest.approx(calibration.error_after, abs=0.01)


def test_several_labels_get_their_probabilities() -> None:
    truth, scores = several_labels(3_000, 0.5, -1.0)
    calibration = fit_calibration(truth, scores, multi_label=True)
    assert calibration is not None
    assert calibration.slope == pytest.approx(0.5, rel=0.1)
    assert calibration.offset == pytest.approx(-1.0, abs=0.15)
    expected = expit(calibration.slope * logit(scores.astype(float)) + calibration.offset)
    np.testing.assert_allclose(calibration(tf.constant(scores)), expected, atol=1e-5)


def test_good_scores_and_few_clips_are_left_alone() -> None:
    few, scores = one_label(CALIBRATION_CLIPS - 1, 0.3)
    assert fit_calibration(few, scores, multi_label=False) is None
    # Labels that nothing tells: what fits four fifths of them does not fit the rest.
    truth = np.eye(2, dtype=bool)[np.arange(60) % 2]
    assert fit_calibration(truth, np.full([60, 2], 0.5, np.float32), multi_label=False) is None


def test_calibration_for_the_sake_of_a_few_clips_is_left_out() -> None:
    # Scores of neighbours: right in general, but a few clips have a zero that is dear.
    score = np.repeat([0.9, 1.0], [180, 20])
    right = np.r_[np.arange(180) % 10 > 0, np.arange(20) % 5 > 0]
    truth, scores = (np.stack([p, 1 - p], axis=1) for p in (right, score))
    assert measure_reliability(truth > 0, scores, multi_label=False).error < 0.03
    assert fit_calibration(truth > 0, scores.astype(np.float32), multi_label=False) is None


def test_scores_of_0_and_1_stay_finite() -> None:
    truth = np.eye(2, dtype=bool)[[0] * 40 + [1] * 40]
    scores = np.eye(2, dtype=np.float32)[[0] * 36 + [1] * 44]
    calibration = fit_calibration(truth, scores, multi_label=False)
    assert calibration is not None
    calibrated = calibration(tf.constant(scores)).numpy()
    assert 0.9 < calibrated.max() < 1


def test_a_head_is_calibrated_in_graph_code() -> None:
    truth, scores = one_label(400, 0.4)
    calibration = fit_calibration(truth, scores, multi_label=False)
    assert calibration is not None
    head = CalibratedHead(lambda embedding: tf.reduce_mean(embedding, axis=1), calibration)
    ragged = tf.RaggedTensor.from_row_lengths(scores[:6], [1, 2, 3])
    served = tf.function(head)(ragged)
    np.testing.assert_allclose(
        served, calibration(tf.reduce_mean(ragged, axis=1)), rtol=1e-5, atol=1e-6
    )


def test_reliability_by_hand() -> None:
    truth = np.array([[1, 0], [1, 0], [0, 1], [1, 0]], bool)
    scores = np.array([[0.9, 0.1], [0.92, 0.08], [0.91, 0.09], [0.2, 0.8]])
    measured = measure_reliability(truth, scores, multi_label=False)
    assert measured.counts.tolist() == [1, 3]
    np.testing.assert_allclose(measured.confidence, [0.8, 0.91])
    np.testing.assert_allclose(measured.right, [0, 2 / 3])
    assert measured.error == pytest.approx((0.8 + 3 * (0.91 - 2 / 3)) / 4)
