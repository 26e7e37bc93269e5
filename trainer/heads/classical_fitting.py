"""Fitting any classical head, and keeping what was fitted."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sklearn
import tensorflow as tf
import xgboost
from sklearn.pipeline import Pipeline

from schema.config.classical_head_settings import (
    KnnSettings,
    LinearDiscriminantSettings,
    LinearSvmSettings,
    LogisticRegressionSettings,
    RandomForestSettings,
    RbfSvmSettings,
    ReductionSettings,
    XgboostSettings,
)
from trainer.fitting.embedded_clips import EmbeddedClips
from trainer.heads.boosted_trees import fit_xgboost
from trainer.heads.fitted_arrays import write_npz
from trainer.heads.linear import (
    fit_linear_discriminant,
    fit_linear_svm,
    fit_logistic_regression,
)
from trainer.heads.neighbours import fit_knn
from trainer.heads.random_forest import fit_random_forest
from trainer.heads.rbf_svm import fit_rbf_svm
from trainer.heads.reduction import Reduction, fit_reduction
from vggish.errors import DataSetError

NPZ_FILE = "head.npz"
UBJ_FILE = "xgboost.ubj"
LABELS_FILE = "xgboost_labels.json"

_SCIKIT_LEARN: dict[type[ReductionSettings], Callable[..., tuple[Any, tf.Module]]] = {
    KnnSettings: fit_knn,
    LinearDiscriminantSettings: fit_linear_discriminant,
    LinearSvmSettings: fit_linear_svm,
    LogisticRegressionSettings: fit_logistic_regression,
    RandomForestSettings: fit_random_forest,
    RbfSvmSettings: fit_rbf_svm,
}


class ClassicalHead(tf.Module):
    """From pooled features, float32 [batch, D], to scores, float32 [batch, classes].

    It computes in float64, as the native libraries do.

    Args:
        reduction: From float64 [batch, D] to float64 [batch, D'].
        classifier: From float64 [batch, D'] to scores [batch, classes].
    """

    def __init__(self, reduction: tf.Module, classifier: tf.Module):
        super().__init__(name="classical_head")
        self._reduction = reduction
        self._classifier = classifier

    def __call__(self, features: tf.Tensor) -> tf.Tensor:
        """Scores a batch."""
        reduced = self._reduction(tf.cast(features, tf.float64))
        return tf.cast(self._classifier(reduced), tf.float32)

    def count_params(self) -> int:
        """Counts the fitted numbers."""
        return sum(variable.shape.num_elements() for variable in self.variables)


@dataclass(frozen=True)
class FittedHead:
    """A classical head, natively and in TensorFlow.

    Attributes:
        reduction: scikit-learn's, float64 [clips, D] to [clips, D'].
        native: scikit-learn's classifier, or XGBoost's booster, of the reduced features.
        lowered: Both in TensorFlow.
        history: Curves by boosting round, where there are rounds.
    """

    reduction: Pipeline
    native: Any
    lowered: ClassicalHead
    history: dict[str, list[float]] = field(default_factory=dict)

    @property
    def libraries(self) -> dict[str, str]:
        """The versions of the libraries that fitted it."""
        versions = {"scikit-learn": sklearn.__version__}
        if isinstance(self.native, xgboost.Booster):
            versions["xgboost"] = xgboost.__version__
        return versions

    def save_native(self, folder: str, classes: list[str]) -> None:
        """Writes what other programs can read.

        `head.npz` has every fitted number, by step and attribute (of scikit-learn, where it has
        one). A booster is also written as `xgboost.ubj`, with the class names of its outputs in
        `xgboost_labels.json`; it takes the reduced features.

        Args:
            folder: Where to; it is made if need be.
            classes: The class names, in the order of the scores.
        """
        tf.io.gfile.makedirs(folder)
        write_npz(self.lowered, os.path.join(folder, NPZ_FILE))
        if isinstance(self.native, xgboost.Booster):
            with tf.io.gfile.GFile(os.path.join(folder, UBJ_FILE), "wb") as file:
                file.write(bytes(self.native.save_raw("ubj")))
            with tf.io.gfile.GFile(os.path.join(folder, LABELS_FILE), "w") as file:
                file.write(json.dumps(dict(enumerate(classes)), indent=2, ensure_ascii=False))


def fit_head(
    settings: ReductionSettings,
    classes: list[str],
    train: EmbeddedClips,
    evaluation: EmbeddedClips,
    seed: int,
) -> FittedHead:
    """Fits a head.

    Args:
        settings: Of the head, which they name by their type.
        classes: The class names.
        train: What to learn from.
        evaluation: What early stopping looks at.
        seed: Of everything that is drawn.

    Returns:
        The head.

    Raises:
        ConfigError: The settings do not suit the data.
        DataSetError: Of some class there is nothing to learn.
    """
    _check_classes(train.targets, classes)
    features = train.pooled.astype(np.float64)
    reduction = fit_reduction(features, settings, seed)
    reduced = reduction.transform(features)
    lowered_reduction = Reduction(reduction)
    if isinstance(settings, XgboostSettings):
        seen = reduction.transform(evaluation.pooled.astype(np.float64)), evaluation.targets
        booster, boosted, history = fit_xgboost((reduced, train.targets), seen, settings, seed)
        return FittedHead(reduction, booster, ClassicalHead(lowered_reduction, boosted), history)
    native, scores = _SCIKIT_LEARN[type(settings)](reduced, train.targets, settings, seed)
    return FittedHead(reduction, native, ClassicalHead(lowered_reduction, scores))


def _check_classes(targets: np.ndarray, classes: list[str]) -> None:
    """Refuses classes that no training clip has, and labels that all of them have."""
    count = len(classes)
    by_class = targets.sum(axis=0) if targets.ndim > 1 else np.bincount(targets, minlength=count)
    for name, clips in zip(classes, by_class, strict=True):
        if clips in (0, len(targets)):
            raise DataSetError(
                f"{'No' if clips == 0 else 'Every'} clip of the training split has the label "
                f"{name!r}, which leaves nothing to tell it by; leave the class out of the source."
            )
