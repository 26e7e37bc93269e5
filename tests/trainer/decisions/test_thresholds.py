"""Thresholds against a search through every possible one."""

import numpy as np
import pytest
from metric_cases import several_labels
from sklearn.metrics import f1_score

from trainer.decisions.thresholds import DEFAULT_THRESHOLD, tune_thresholds


@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_has_a_higher_f1(seed: int) -> None:
    clips = several_labels(clips=40, seed=seed)
    thresholds = tune_thresholds(clips.truth.astype(np.float32), clips.scores)
    assert thresholds.dtype == np.float32
    for c in range(clips.truth.shape[1] - 1):
        truth, scores = clips.truth[:, c], clips.scores[:, c]
        found = f1_score(truth, scores >= thresholds[c])
        assert found == max(f1_score(truth, scores >= other) for other in np.unique(scores))


def test_lies_midway_between_scores() -> None:
    truth = np.array([[1], [1], [0], [0]], np.float32)
    scores = np.array([[0.9], [0.7], [0.5], [0.1]], np.float32)
    assert tune_thresholds(truth, scores)[0] == pytest.approx(0.6)


def test_every_clip_may_have_the_label() -> None:
    scores = np.array([[0.9], [0.4]], np.float32)
    (threshold,) = tune_thresholds(np.ones([2, 1], np.float32), scores)
    assert threshold == pytest.approx(0.2)


def test_neighbouring_scores_are_told_apart() -> None:
    high = np.float32(0.5)
    low = np.nextafter(high, np.float32(0))
    scores = np.array([[high], [low]], np.float32)
    (threshold,) = tune_thresholds(np.array([[1], [0]], np.float32), scores)
    assert (scores[:, 0] >= threshold).tolist() == [True, False]


def test_a_class_without_clips_keeps_the_default() -> None:
    scores = np.random.default_rng(0).random([20, 2]).astype(np.float32)
    truth = np.stack([scores[:, 0] > 0.8, np.zeros(20)], axis=1)
    assert tune_thresholds(truth, scores)[1] == DEFAULT_THRESHOLD
