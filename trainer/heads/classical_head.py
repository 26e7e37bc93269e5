"""Classical heads: fitting any of them, and writing them for other programs."""

import json
import os
from collections.abc import Callable, Iterator
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
from schema.config.model_settings import TrainSettings
from trainer.clips.embedded_clips import EmbeddedClips
from trainer.clips.feature_file import row_blocks
from trainer.clips.training_sample import choose_training_sample
from trainer.heads.boosted_trees import Blocks, fit_xgboost
from trainer.heads.fitted_arrays import write_fitted_arrays
from trainer.heads.linear import (
    fit_linear_discriminant,
    fit_linear_svm,
    fit_logistic_regression,
)
from trainer.heads.neighbours import fit_knn
from trainer.heads.random_forest import fit_random_forest
from trainer.heads.rbf_svm import fit_rbf_svm
from trainer.heads.reduction import Reduction, fit_reduction, reduce_rows
from vggish.errors import DataSetError

FITTED_ARRAYS_FILE = "head.npz"
BOOSTER_FILE = "xgboost.ubj"
BOOSTER_LABELS_FILE = "xgboost_labels.json"

_SCIKIT_LEARN: dict[type[ReductionSettings], Callable[..., tuple[Any, tf.Module]]] = {
    KnnSettings: fit_knn,
    LinearDiscriminantSettings: fit_linear_discriminant,
    LinearSvmSettings: fit_linear_svm,
    LogisticRegressionSettings: fit_logistic_regression,
    RandomForestSettings: fit_random_forest,
    RbfSvmSettings: fit_rbf_svm,
}


class ClassicalHead(tf.Module):
    """Computes scores, float32 [batch, classes], from pooled features, float32 [batch, D].

    Computes in float64, as the native libraries do.

    Args:
        reduction: Module from float64 [batch, D] to float64 [batch, D'].
        classifier: Module from float64 [batch, D'] to scores [batch, classes].
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
        """Counts the fitted parameters."""
        return sum(variable.shape.num_elements() for variable in self.variables)


@dataclass(frozen=True)
class FittedClassicalHead:
    """A classical head, in its own library and in TensorFlow.

    Attributes:
        reduction: scikit-learn's pipeline, from float64 [clips, D] to [clips, D'].
        native: scikit-learn's classifier, or XGBoost's booster, of the reduced features.
        lowered: Reduction and classifier in TensorFlow.
        learned_from: Numbers of training clips: all `clips`, and those that `components` and
            `classifier` are fitted on.
        history: Curves by boosting round; empty for other heads.
    """

    reduction: Pipeline
    native: Any
    lowered: ClassicalHead
    learned_from: dict[str, int]
    history: dict[str, list[float]] = field(default_factory=dict)

    @property
    def libraries(self) -> dict[str, str]:
        """The versions of the libraries that fitted it."""
        versions = {"scikit-learn": sklearn.__version__}
        if isinstance(self.native, xgboost.Booster):
            versions["xgboost"] = xgboost.__version__
        return versions

    def save_native(self, folder: str, classes: list[str]) -> None:
        """Writes the head in formats that other programs read.

        `head.npz` holds every fitted array by step and attribute, named as in scikit-learn if it
        has the attribute. A booster is also written as `xgboost.ubj`, with the class names of its
        outputs in `xgboost_labels.json`; its inputs are the reduced features.

        Args:
            folder: Output folder, created if it is missing.
            classes: The class names, in the order of the scores.
        """
        tf.io.gfile.makedirs(folder)
        write_fitted_arrays(self.lowered, os.path.join(folder, FITTED_ARRAYS_FILE))
        if isinstance(self.native, xgboost.Booster):
            with tf.io.gfile.GFile(os.path.join(folder, BOOSTER_FILE), "wb") as file:
                file.write(bytes(self.native.save_raw("ubj")))
            with tf.io.gfile.GFile(os.path.join(folder, BOOSTER_LABELS_FILE), "w") as file:
                file.write(json.dumps(dict(enumerate(classes)), indent=2, ensure_ascii=False))


def fit_classical_head(
    settings: ReductionSettings,
    classes: list[str],
    train: EmbeddedClips,
    evaluation: EmbeddedClips,
    training: TrainSettings,
) -> FittedClassicalHead:
    """Fits a head, on all training clips or on a sample that fits into memory.

    Args:
        settings: Settings of the head; their type selects it.
        classes: Class names.
        train: The training split.
        evaluation: The eval split, for early stopping.
        training: Source of `seed`, for all random draws, and of `memory_gb`.

    Returns:
        The head.

    Raises:
        ConfigError: The settings do not suit the data.
        DataSetError: A class has no training clip, or a label has all of them.
    """
    _check_classes(train.targets, classes)
    seed = training.seed
    sample = choose_training_sample(settings, train, len(classes), training)
    reduction = fit_reduction(train.features, sample.components, settings, seed)
    rows, targets = sample.classifier, train.targets[sample.classifier]
    history: dict[str, list[float]] = {}
    if isinstance(settings, XgboostSettings):
        seen = _reduced_blocks(reduction, evaluation, np.arange(len(evaluation.targets)))
        native, scores, history = fit_xgboost(
            (_reduced_blocks(reduction, train, rows), targets),
            (seen, evaluation.targets),
            settings,
            seed,
        )
    else:
        reduced = reduce_rows(reduction, train.features, rows)
        native, scores = _SCIKIT_LEARN[type(settings)](reduced, targets, settings, seed)
    lowered = ClassicalHead(Reduction(reduction), scores)
    return FittedClassicalHead(reduction, native, lowered, sample.counts, history)


def _reduced_blocks(reduction: Pipeline, clips: EmbeddedClips, rows: np.ndarray) -> Blocks:
    def blocks() -> Iterator[np.ndarray]:
        for block in row_blocks(clips.features, rows):
            yield reduction.transform(block.astype(np.float64))

    return blocks


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
