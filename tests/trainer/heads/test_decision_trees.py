"""Walking trees, on trees made for the edges of the comparison."""

import numpy as np
import pytest
import tensorflow as tf
import xgboost

from trainer.heads.boosted_trees import lower_booster
from trainer.heads.decision_trees import DecisionTree, TreeEnsemble
from trainer.heads.random_forest import round_down_to_float32


def stump(threshold: float, *, nan_goes_left: bool) -> DecisionTree:
    return DecisionTree(
        feature=np.array([1, 0, 0]),
        threshold=np.array([threshold, 0, 0], np.float32),
        left=np.array([1, -1, -1]),
        right=np.array([2, -1, -1]),
        nan_goes_left=np.array([nan_goes_left, False, False]),
    )


def test_leaves_are_numbered_through_all_trees() -> None:
    leaf = DecisionTree(*(np.array([value]) for value in (0, 0.0, -1, -1, False)))
    deep = DecisionTree(
        feature=np.array([0, 1, 0, 0, 0]),
        threshold=np.array([0, 5, 0, 0, 0], np.float32),
        left=np.array([1, 3, -1, -1, -1]),
        right=np.array([2, 4, -1, -1, -1]),
        nan_goes_left=np.zeros(5, bool),
    )
    trees = TreeEnsemble([stump(2, nan_goes_left=True), leaf, deep], tf.less)
    clips = np.array([[-1, 1], [-1, 2], [1, 5], [-1, 5], [-1, np.nan]], np.float32)
    # The stump has nodes 0 to 2, the leaf is 3, the deep tree's root is 4.
    expected = [[1, 3, 7], [2, 3, 7], [2, 3, 6], [2, 3, 8], [1, 3, 8]]
    assert trees(clips).numpy().tolist() == expected


@pytest.mark.parametrize(("holds", "at_threshold"), [(tf.less, 2), (tf.less_equal, 1)])
def test_a_clip_at_the_threshold_goes_where_the_library_sends_it(holds, at_threshold) -> None:
    trees = TreeEnsemble([stump(0.1, nan_goes_left=False)], holds)
    clips = np.array([[0, 0.1], [0, np.nan]], np.float32)
    assert trees(clips).numpy().ravel().tolist() == [at_threshold, 2]


def test_missing_features_and_extreme_priors_of_xgboost() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(400, 4)).astype("f")
    features[rng.random(features.shape) < 0.3] = np.nan
    labels = np.stack(
        [np.isnan(features[:, 0]), features[:, 1] > 0, np.zeros(400), np.ones(400)], axis=1
    )
    matrix = xgboost.DMatrix(features, labels)
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3}, matrix, 20)
    scores = lower_booster(booster)(features)
    np.testing.assert_allclose(scores, booster.predict(matrix), atol=1e-6)
    assert booster.predict(matrix)[:, 2].max() < 1e-5


def test_the_greatest_float32_below() -> None:
    rng = np.random.default_rng(0)
    numbers = np.concatenate([rng.normal(size=1000), [0, 1, -1, 0.1, -0.1, 1e30]])
    below = round_down_to_float32(numbers)
    assert below.dtype == np.float32
    assert (below <= numbers).all()
    assert (np.nextafter(below, np.float32(np.inf)) > numbers).all()
