"""Precision and recall of each class over all thresholds."""

import numpy as np

from components.report.precision_recall import CURVES_SHOWN, measure_precision_recall


def test_curves_go_from_the_highest_threshold_down() -> None:
    truth = np.array([[1, 0], [0, 0], [1, 0], [0, 0]], bool)
    scores = np.array([[0.9, 0.1], [0.8, 0.1], [0.4, 0.1], [0.1, 0.1]], np.float32)
    for threshold, chosen in ((0.95, None), (0.9, 0), (0.5, 1), (0.4, 2), (0.2, 2), (0.0, 3)):
        curves = measure_precision_recall(
            ["dog", "cat"], truth, scores, np.array([threshold, 0.5], np.float32)
        )
        assert list(curves) == ["dog"]  # Without a clip, there is nothing to recall.
        np.testing.assert_allclose(curves["dog"]["precision"], [1, 1 / 2, 2 / 3, 1 / 2])
        np.testing.assert_allclose(curves["dog"]["recall"], [1 / 2, 1 / 2, 1, 1])
        assert curves["dog"]["chosen"] == chosen


def test_classes_with_the_most_clips_come_first() -> None:
    classes = [f"class{k}" for k in range(CURVES_SHOWN + 3)]
    truth = np.tril(np.ones([len(classes), len(classes)], bool))
    scores = np.random.default_rng(0).random(truth.shape, np.float32)
    curves = measure_precision_recall(classes, truth, scores, np.full(len(classes), 0.5))
    assert list(curves) == classes[:CURVES_SHOWN]
