"""Fitted classical heads: their files, and the inputs that they refuse."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xgboost
from classical_cases import make_clips, native_scores
from sklearn.linear_model import LogisticRegression

from schema.config.classical_head_settings import (
    KnnSettings,
    LinearDiscriminantSettings,
    LinearSvmSettings,
    LogisticRegressionSettings,
    RandomForestSettings,
    RbfSvmSettings,
    XgboostSettings,
)
from schema.config.model_settings import TrainSettings
from trainer.clips.embedded_clips import EmbeddedClips
from trainer.heads.classical_head import fit_classical_head
from trainer.heads.linear import fit_logistic_regression
from vggish.errors import ConfigError, DataSetError

CLASSES = ["dog", "cat", "chat noir", "ü"]


@pytest.fixture(scope="module")
def train() -> EmbeddedClips:
    return make_clips(90, "four classes", seed=0)


@pytest.fixture(scope="module")
def evaluation() -> EmbeddedClips:
    return make_clips(40, "four classes", seed=1)


def test_npz_has_the_numbers_by_their_names_in_scikit_learn(
    tmp_path: Path, train: EmbeddedClips
) -> None:
    fitted = fit_classical_head(
        LogisticRegressionSettings(), CLASSES, train, train, TrainSettings()
    )
    fitted.save_native(str(tmp_path), CLASSES)
    kept = np.load(tmp_path / "head.npz")
    standard = (train.features - kept["standardise.mean_"]) / kept["standardise.scale_"]
    reduced = (np.clip(standard, -5, 5) - kept["pca.mean_"]) @ kept["pca.components_"].T
    regression = LogisticRegression()
    regression.classes_ = np.arange(4)
    regression.coef_, regression.intercept_ = (
        kept["classifier.coef_"],
        kept["classifier.intercept_"],
    )
    scores = regression.predict_proba(reduced / np.sqrt(kept["pca.explained_variance_"]))
    np.testing.assert_allclose(scores, fitted.lowered(train.features), atol=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["head.npz"]


def test_booster_is_read_back_by_xgboost(tmp_path: Path, train: EmbeddedClips) -> None:
    settings = XgboostSettings(rounds=5, standardise=False, pca=None)
    fitted = fit_classical_head(settings, CLASSES, train, train, TrainSettings())
    fitted.save_native(str(tmp_path), CLASSES)
    booster = xgboost.Booster(model_file=tmp_path / "xgboost.ubj")
    scores = booster.predict(xgboost.DMatrix(train.features))
    np.testing.assert_allclose(scores, fitted.lowered(train.features), atol=1e-6)
    labels = json.loads((tmp_path / "xgboost_labels.json").read_text())
    assert labels == {"0": "dog", "1": "cat", "2": "chat noir", "3": "ü"}


def test_same_seed_same_head(train: EmbeddedClips, evaluation: EmbeddedClips) -> None:
    settings = XgboostSettings(rounds=2)
    one, same, other = (
        fit_classical_head(settings, CLASSES, train, evaluation, TrainSettings(seed=seed))
        .lowered(evaluation.features)
        .numpy()
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-3


def test_boosting_stops_at_the_lowest_eval_loss(
    train: EmbeddedClips, evaluation: EmbeddedClips
) -> None:
    settings = XgboostSettings(rounds=200, eta=1, max_depth=2, early_stopping_rounds=5)
    fitted = fit_classical_head(settings, CLASSES, train, evaluation, TrainSettings())
    losses = fitted.history["val_loss"]
    best = int(np.argmin(losses))
    assert len(losses) == len(fitted.history["loss"]) == best + 1 + 5 < 200
    assert fitted.native.num_boosted_rounds() == best + 1
    own = native_scores(fitted, evaluation.features)[np.arange(40), evaluation.targets]
    np.testing.assert_allclose(-np.log(own).mean(), losses[best], rtol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        LinearDiscriminantSettings,
        LinearSvmSettings,
        LogisticRegressionSettings,
        RandomForestSettings,
        RbfSvmSettings,
        XgboostSettings,
    ],
)
def test_balanced_heads_find_rare_classes(settings: type, train: EmbeddedClips) -> None:
    """If both of two overlapping classes have the same weight, the rare one is found more often."""
    rng = np.random.default_rng(0)
    targets = (np.arange(300) >= 270).astype(np.int64)
    clips, new = (
        EmbeddedClips(
            np.arange(300).astype("S"),
            (rng.normal(size=(300, 3)) + 1.2 * targets[:, None]).astype("f"),
            targets,
        )
        for _ in range(2)
    )
    small = {"max_depth": 2} if settings in (RandomForestSettings, XgboostSettings) else {}
    plain, balanced = (
        fit_classical_head(
            settings(balanced=b, **small), ["often", "rare"], clips, new, TrainSettings()
        )
        for b in (False, True)
    )
    found = [
        (head.lowered(new.features).numpy().argmax(axis=1)[270:] == 1).mean()
        for head in (plain, balanced)
    ]
    assert found[1] > found[0] + 0.1
    scores = native_scores(balanced, new.features)
    np.testing.assert_allclose(balanced.lowered(new.features), scores, atol=1e-5)


@pytest.mark.parametrize("settings", [RandomForestSettings, XgboostSettings])
def test_trees_of_several_labels_cannot_be_balanced(settings: type) -> None:
    clips = make_clips(40, "labels", seed=0)
    with pytest.raises(ConfigError, match="balanced is for clips with one label"):
        fit_classical_head(settings(balanced=True), ["a", "b", "c"], clips, clips, TrainSettings())


def test_a_class_without_training_clips_is_refused(train: EmbeddedClips) -> None:
    settings = LogisticRegressionSettings()
    with pytest.raises(DataSetError, match="No clip of the training split has the label 'e'"):
        fit_classical_head(settings, [*CLASSES, "e"], train, train, TrainSettings())
    everywhere = replace(train, targets=np.ones([90, 2], np.float32))
    with pytest.raises(DataSetError, match="Every clip of the training split has the label 'a'"):
        fit_classical_head(settings, ["a", "b"], everywhere, everywhere, TrainSettings())


def test_labels_that_are_fitted_side_by_side_get_the_weights_of_each_alone() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 12))
    targets = (features @ rng.normal(size=(12, 5)) > 1).astype(np.float32)
    settings = LogisticRegressionSettings()
    together, _ = fit_logistic_regression(features, targets, settings, seed=0)
    for label, fitted in enumerate(together.estimators_):
        alone = LogisticRegression(C=settings.c).fit(features, targets[:, label])
        np.testing.assert_allclose(fitted.coef_, alone.coef_, rtol=1e-9)


def test_a_linear_discriminant_of_one_clip_a_class_is_refused(train: EmbeddedClips) -> None:
    single = train.of(np.unique(train.targets, return_index=True)[1])
    with pytest.raises(ConfigError, match="are 4 clips of 4 classes"):
        fit_classical_head(LinearDiscriminantSettings(), CLASSES, single, train, TrainSettings())


def test_more_neighbours_than_clips_are_refused(train: EmbeddedClips) -> None:
    with pytest.raises(ConfigError, match="only 90 training clips"):
        fit_classical_head(KnnSettings(neighbours=91), CLASSES, train, train, TrainSettings())


def test_a_gpu_is_refused_where_xgboost_cannot_use_one(
    train: EmbeddedClips, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xgboost, "build_info", lambda: {"USE_CUDA": False})
    with pytest.raises(ConfigError, match="without CUDA"):
        fit_classical_head(XgboostSettings(device="cuda"), CLASSES, train, train, TrainSettings())
