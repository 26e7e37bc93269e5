"""Heads that learn from as many clips as fit into memory."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xgboost
from classical_cases import SETTINGS, make_clips

from schema.config.classical_head_settings import (
    LogisticRegressionSettings,
    RandomForestSettings,
    XgboostSettings,
)
from schema.config.model_settings import TrainSettings
from trainer.clips import feature_file
from trainer.clips.feature_file import FeatureFile
from trainer.clips.training_sample import choose_training_sample, stratified_sample
from trainer.heads.classical_head import fit_classical_head
from vggish.errors import ConfigError
from vggish.progress import LOGGER_NAME

CLASSES = ["a", "b", "c", "d"]


def test_a_sample_has_the_shares_of_all_and_its_seed_decides_it() -> None:
    targets = np.random.default_rng(0).permutation(np.repeat([0, 1, 2, 3], [8000, 1500, 499, 1]))
    drawn = stratified_sample(targets, 1000, seed=0)
    counts = np.bincount(targets[drawn])
    assert len(drawn) == len(set(drawn.tolist())) == 1000
    np.testing.assert_allclose(counts, [800, 150, 49.9, 1], atol=1)
    np.testing.assert_array_equal(drawn, stratified_sample(targets, 1000, seed=0))
    assert len(np.intersect1d(drawn, stratified_sample(targets, 1000, seed=1))) < 300
    assert len(np.intersect1d(drawn[:100], np.arange(1000))) < 100  # Not the first ones.


def test_every_label_has_a_clip_in_the_sample() -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random([5000, 5]) < [0.5, 0.2, 0.02, 0.0, 0.0]).astype("f")
    targets[17, [3, 4]] = 1  # The last label is nowhere the rarest.
    targets[4000:, :] = 0
    drawn = stratified_sample(targets, 200, seed=0)
    assert 200 <= len(drawn) <= 201
    assert targets[drawn].any(axis=0).all()
    np.testing.assert_allclose(targets[drawn].mean(axis=0)[:2], targets.mean(axis=0)[:2], atol=0.05)
    assert (targets[drawn].sum(axis=1) == 0).mean() == pytest.approx(
        (targets.sum(axis=1) == 0).mean(), abs=0.02
    )


def test_all_clips_are_taken_if_they_fit() -> None:
    np.testing.assert_array_equal(stratified_sample(np.array([1, 0, 1]), 3, 0), [0, 1, 2])


def test_a_head_says_what_it_needs_and_learns_from_what_fits(
    caplog: pytest.LogCaptureFixture,
) -> None:
    train, evaluation = make_clips(2000, "four classes", 0), make_clips(500, "four classes", 1)
    settings = LogisticRegressionSettings()
    accuracy = {}
    for memory_gb in (1.5, 1e-4):
        with caplog.at_level(logging.INFO, LOGGER_NAME):
            fitted = fit_classical_head(
                settings, CLASSES, train, evaluation, TrainSettings(memory_gb=memory_gb)
            )
        counts = fitted.learned_from
        assert f"learning from {counts['classifier']} of 2000 clips" in caplog.text
        assert "GB of features on disk" in caplog.text
        scores = fitted.lowered(evaluation.features[:]).numpy()
        accuracy[counts["classifier"]] = (scores.argmax(axis=1) == evaluation.targets).mean()
    least, most = sorted(accuracy)
    assert (most, least < 300) == (2000, True)
    assert counts["components"] < 500
    assert accuracy[most] - 0.08 < accuracy[least]
    assert accuracy[least] > 0.6


def test_large_trees_and_forests_take_fewer_clips() -> None:
    train = make_clips(2000, "four classes", 0)
    training = TrainSettings(memory_gb=0.02)
    taken = [
        len(choose_training_sample(settings, train, 4, training).classifier)
        for settings in (
            RandomForestSettings(trees=300),
            RandomForestSettings(trees=100),
            RandomForestSettings(trees=300, min_samples_leaf=5),
        )
    ]
    assert taken[0] < taken[1] < taken[2]


def test_no_memory_for_one_clip_of_each_class_is_refused() -> None:
    train = make_clips(200, "four classes", 0)
    with pytest.raises(ConfigError, match=r"train\.memory_gb is 1e-07, but the classifier"):
        choose_training_sample(
            LogisticRegressionSettings(), train, 4, TrainSettings(memory_gb=1e-7)
        )


@pytest.mark.parametrize("name", ["xgboost pca", "logistic_regression", "random_forest"])
def test_features_in_blocks_on_disk_give_the_same_head(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = [make_clips(clips, "four classes", clips) for clips in (90, 40)]
    stored = []
    for clips in held:
        file = FeatureFile(str(tmp_path), clips.features.shape[1])
        file.write(np.arange(len(clips.features)), clips.features[:])
        stored.append(replace(clips, features=file))
    expected = fit_classical_head(SETTINGS[name], CLASSES, *held, TrainSettings())
    monkeypatch.setattr(feature_file, "_BLOCK_NUMBERS", 200)
    read = fit_classical_head(SETTINGS[name], CLASSES, *stored, TrainSettings())
    new = make_clips(50, "four classes", 3).features[:]
    np.testing.assert_allclose(read.lowered(new), expected.lowered(new), atol=1e-4)


def test_boosted_trees_of_blocks_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Features with few values have the same bins whichever way they are read."""
    train = make_clips(400, "four classes", 0)
    train = replace(train, features=np.round(train.features[:] * 4).clip(-9, 9).astype("f"))
    settings = XgboostSettings(rounds=5, standardise=False, pca=None, colsample_bytree=1)
    monkeypatch.setattr(feature_file, "_BLOCK_NUMBERS", 1000)
    fitted = fit_classical_head(settings, CLASSES, train, train, TrainSettings())
    plain = xgboost.train(
        {"objective": "multi:softprob", "num_class": 4, "max_depth": 4, "eta": 0.2},
        xgboost.DMatrix(train.features[:], train.targets),
        5,
    )
    expected = plain.predict(xgboost.DMatrix(train.features[:]))
    np.testing.assert_allclose(fitted.lowered(train.features[:]), expected, atol=1e-5)
