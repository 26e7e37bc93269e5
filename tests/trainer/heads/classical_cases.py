"""Settings, clips and expected scores, which the tests of classical heads share."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
import xgboost

from schema.config.classical_head_settings import (
    KnnSettings,
    LinearDiscriminantSettings,
    LinearSvmSettings,
    LogisticRegressionSettings,
    RandomForestSettings,
    RbfSvmSettings,
    XgboostSettings,
)
from trainer.clips.embedded_clips import EmbeddedClips
from trainer.heads.classical_head import ClassicalHead, FittedClassicalHead

SIZE = 12
"""Features of a clip."""

# Stands for TensorFlow Serving: every model in the folder scores the features next to it.
SERVE = """
import pathlib, sys
import numpy as np
import tensorflow as tf
for folder in pathlib.Path(sys.argv[1]).iterdir():
    features = tf.constant(np.load(folder / "features.npy"))
    score = tf.saved_model.load(str(folder / "model")).signatures["serving_default"]
    whole = score(features=features)["scores"].numpy()
    single = np.concatenate([score(features=f[None])["scores"] for f in features[:5]])
    np.testing.assert_allclose(single, whole[:5], atol=1e-6)
    np.save(folder / "scores.npy", whole)
# Keras itself loads scikit-learn where it is installed.
assert not {"xgboost", "trainer", "vggish", "tfx"} & set(sys.modules)
"""

_AS_THEY_ARE = {"standardise": False, "pca": None}

SETTINGS = {
    "knn cosine": KnnSettings(neighbours=7),
    "knn euclidean": KnnSettings(neighbours=5, metric="euclidean", pca=None, standardise=False),
    "linear_discriminant": LinearDiscriminantSettings(),
    "linear_discriminant shrunk": LinearDiscriminantSettings(shrinkage="auto", pca=None),
    "linear_svm": LinearSvmSettings(),
    "logistic_regression": LogisticRegressionSettings(),
    "logistic_regression standardised": LogisticRegressionSettings(pca=None),
    "random_forest": RandomForestSettings(trees=40, **_AS_THEY_ARE),
    "random_forest pca": RandomForestSettings(trees=10, min_samples_leaf=3, pca=4),
    "rbf_svm": RbfSvmSettings(),
    "rbf_svm gamma": RbfSvmSettings(c=10, gamma=0.3, pca=None),
    "xgboost": XgboostSettings(rounds=60, colsample_bytree=1, **_AS_THEY_ARE),
    "xgboost pca": XgboostSettings(rounds=20, pca=5),
}
TASKS = {"four classes": 4, "two classes": 2, "labels": 3}


@dataclass(frozen=True)
class Case:
    """A fitted head, clips to score, and what the lowered head said of them."""

    fitted: FittedClassicalHead
    multi_label: bool
    classes: list[str]
    features: np.ndarray
    scores: np.ndarray
    folder: Path


def make_clips(clips: int, task: str, seed: int) -> EmbeddedClips:
    """Clips whose features tell their class, with constant, rare and tied features among them."""
    rng = np.random.default_rng(seed)
    classes = TASKS[task]
    features = rng.normal(size=(clips, SIZE))
    if task == "labels":
        targets = (rng.random((clips, classes)) < 0.4).astype(np.float32)
        features[:, :classes] += 2 * targets
    else:
        targets = rng.integers(0, classes, clips)
        features[np.arange(clips), targets] += 2
    features[:, 5] = 7
    features[:, 6] = np.maximum(features[:, 6] - 2, 0)
    features[:, 7] = np.round(features[:, 7])
    features[:, 8] *= 1e4
    return EmbeddedClips(np.arange(clips).astype("S"), features.astype(np.float32), targets)


def native_scores(fitted: FittedClassicalHead, features: np.ndarray) -> np.ndarray:
    """Scores of features from scikit-learn or XGBoost; for SVMs the logistic of the decision."""
    reduced = fitted.reduction.transform(features.astype(np.float64))
    if isinstance(fitted.native, xgboost.Booster):
        return fitted.native.predict(xgboost.DMatrix(reduced.astype(np.float32)))
    if hasattr(fitted.native, "predict_proba"):
        scores = fitted.native.predict_proba(reduced)
        return np.stack([s[:, 1] for s in scores], axis=1) if isinstance(scores, list) else scores
    decisions = fitted.native.decision_function(reduced)
    if decisions.ndim == 1:
        decisions = np.stack([-decisions, decisions], axis=1)
    return 1 / (1 + np.exp(-decisions))


def export(head: ClassicalHead, folder: Path) -> None:
    @tf.function(input_signature=[tf.TensorSpec([None, SIZE], tf.float32, name="features")])
    def score(features: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"scores": head(features)}

    module = tf.Module()
    module.head = head
    tf.saved_model.save(module, str(folder), signatures=score)


def thresholds_of(fitted: FittedClassicalHead) -> list[tuple[int, float]]:
    """The features that trees of unreduced features ask for, and what they compare them with."""
    if "none" not in fitted.reduction.named_steps:
        return []
    if isinstance(fitted.native, xgboost.Booster):
        table = fitted.native.trees_to_dataframe()
        table = table[table.Feature != "Leaf"]
        return [(int(f[1:]), t) for f, t in zip(table.Feature, table.Split, strict=True)]
    if not hasattr(fitted.native, "estimators_"):
        return []
    trees = [estimator.tree_ for estimator in fitted.native.estimators_]
    return [
        (feature, threshold)
        for tree in trees
        for feature, threshold in zip(tree.feature, tree.threshold, strict=True)
        if feature >= 0
    ]


def around(number: np.float32) -> list[np.float32]:
    """The next number below, the number, and the next one above; none is denormal.

    TensorFlow always flushes denormal numbers to 0, so that no served clip has
    any among its features.
    """
    tiny = np.finfo(np.float32).tiny
    below, above = (np.nextafter(number, np.float32(limit)) for limit in (-np.inf, np.inf))
    return [below, number, above] if number else [-tiny, number, tiny]


def clips_to_score(fitted: FittedClassicalHead, train: EmbeddedClips, task: str) -> np.ndarray:
    """Training clips, new ones, extreme ones, and ones that are at a threshold or next to it."""
    new = make_clips(60, task, seed=2).features
    extreme = np.stack([np.zeros(SIZE), np.full(SIZE, 1e6), np.full(SIZE, -1e6)]).astype("f")
    rng = np.random.default_rng(3)
    thresholds = thresholds_of(fitted)
    picks = rng.permutation(len(thresholds))[:300]
    at = np.repeat(new[rng.integers(0, len(new), len(picks))], 3, axis=0)
    for row, pick in enumerate(picks):
        feature, threshold = thresholds[pick]
        at[3 * row : 3 * row + 3, feature] = around(np.float32(threshold))
    return np.concatenate([train.features, new, extreme, at])
