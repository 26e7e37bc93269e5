"""The training clips that a classical head learns from: all, or a sample that fits into memory."""

import logging
from dataclasses import dataclass

import numpy as np

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
from trainer.clips.feature_file import Features
from vggish.errors import ConfigError
from vggish.progress import LOGGER_NAME

_GB = 1e9
_FLOAT64 = 8
_COMPONENT_COPIES = 3
"""Copies of its clips that scikit-learn's PCA makes, the clips themselves included."""
_NODES_A_CLIP = 1.26
"""Maximum number of a tree's nodes per training clip: two for each leaf, and a bootstrap sample has
0.63 of the clips."""
_NODE_NUMBERS = 8

_COPIES: dict[type[ReductionSettings], tuple[float, float]] = {
    KnnSettings: (5, 4),
    LinearDiscriminantSettings: (6, 3),
    LinearSvmSettings: (4, 3),
    LogisticRegressionSettings: (3, 8),
    RandomForestSettings: (2, 2),
    RbfSvmSettings: (12, 3),
    XgboostSettings: (0.5, 4),
}
"""Numbers of 8 bytes that fitting takes per feature and per class of each clip: of the logistic
regression, the neighbours, the discriminant and XGBoost as measured by `benchmarks/head_memory.py`,
of the others by the arrays that scikit-learn makes. XGBoost keeps features in bins of a byte."""


@dataclass(frozen=True)
class TrainingSample:
    """The training clips that a head learns from, by their positions in ascending order.

    Attributes:
        components: Clips that the principal components are fitted on, int64 [clips].
        classifier: Clips that the classifier is fitted on, int64 [clips].
        clips: Number of all training clips.
    """

    components: np.ndarray
    classifier: np.ndarray
    clips: int

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of clips, for the model card."""
        return {
            "clips": self.clips,
            "components": len(self.components),
            "classifier": len(self.classifier),
        }


def choose_training_sample(
    settings: ReductionSettings, train: EmbeddedClips, classes: int, training: TrainSettings
) -> TrainingSample:
    """Chooses as many training clips as fit into `train.memory_gb`, and says what they will need.

    Args:
        settings: Settings of the head; their type selects it.
        train: The training split.
        classes: Number of classes.
        training: Source of `memory_gb` and `seed`.

    Raises:
        ConfigError: There is not even memory for one clip of each class.
    """
    size = train.features.shape[1]
    reduced = min(size, settings.pca or size)
    needs = {"classifier": _classifier_bytes(settings, reduced, train.targets, classes)}
    if settings.pca is not None:
        needs["components"] = _COMPONENT_COPIES * size * component_dtype(size).itemsize
    chosen = {}
    for step, bytes_a_clip in needs.items():
        fitting = int(training.memory_gb * _GB / bytes_a_clip)
        if fitting < classes:
            raise ConfigError(
                f"train.memory_gb is {training.memory_gb:g}, but the {step} of this head take "
                f"{classes * bytes_a_clip / _GB:.2g} GB for one clip of each class; set it higher, "
                "or choose another head."
            )
        chosen[step] = stratified_sample(train.targets, fitting, training.seed)
    sample = TrainingSample(
        components=chosen.get("components", chosen["classifier"]),
        classifier=chosen["classifier"],
        clips=len(train.targets),
    )
    memory = max(len(chosen[step]) * bytes_a_clip for step, bytes_a_clip in needs.items()) / _GB
    say_needs(len(sample.classifier), sample.clips, memory, train.features)
    return sample


def say_needs(learned: int, clips: int, memory_gb: float, features: Features) -> None:
    """Says before the fitting what it will need.

    Args:
        learned: Number of clips that the head learns from.
        clips: Number of all training clips.
        memory_gb: Estimated memory in GB, beside what the process has already.
        features: The features, which stay on disk.
    """
    disk = len(features) * features.shape[1] * np.dtype(np.float32).itemsize / _GB
    logging.getLogger(LOGGER_NAME).info(
        f"learning from {learned} of {clips} clips, with up to {memory_gb:.2g} GB of memory and "
        f"{disk:.2g} GB of features on disk"
    )


def stratified_sample(targets: np.ndarray, clips: int, seed: int) -> np.ndarray:
    """Draws clips so that each class has the share that it has among all.

    A clip with several labels counts for its rarest one. Every class that has a clip has one in
    the sample.

    Args:
        targets: Class ids [all]; or, for several labels, ones and zeros [all, classes].
        clips: Number of clips, at least the number of classes; a few more if a label would have
            none.
        seed: Seed of the draw.

    Returns:
        Positions in ascending order, int64 [drawn]; all if there are no more than `clips`.
    """
    if len(targets) <= clips:
        return np.arange(len(targets))
    stratum = targets
    if targets.ndim > 1:
        frequency = np.where(targets > 0, targets.sum(axis=0), len(targets) + 1)
        stratum = np.where(targets.any(axis=1), frequency.argmin(axis=1), targets.shape[1])
    shuffled = np.random.default_rng(seed).permutation(len(targets))
    by_stratum = shuffled[np.argsort(stratum[shuffled], kind="stable")]
    counts = np.bincount(stratum)
    begins = np.cumsum(counts) - counts
    ordered = stratum[by_stratum]
    # The place of a clip in its stratum, from 0 to 1: the lowest places are the same share of all.
    place = (np.arange(len(targets)) - begins[ordered]) / counts[ordered]
    drawn = by_stratum[np.argsort(place, kind="stable")[:clips]]
    if targets.ndim > 1:  # A label may never be the rarest one of a clip.
        missing = targets[:, ~targets[drawn].any(axis=0)]
        drawn = np.union1d(drawn, missing[:, missing.any(axis=0)].argmax(axis=0))
    return np.sort(drawn)


def component_dtype(size: int) -> np.dtype:
    """Returns the type in which principal components are fitted.

    Of many features, scikit-learn fits them at random directions, for which float32 is enough; of
    few, by their covariance, where float32 loses the small variances.
    """
    return np.dtype(np.float32 if size > 1000 else np.float64)


def _classifier_bytes(
    settings: ReductionSettings, size: int, targets: np.ndarray, classes: int
) -> float:
    by_feature, by_class = _COPIES[type(settings)]
    numbers = by_feature * size + by_class * classes
    if isinstance(settings, RandomForestSettings):
        outputs = 2 if targets.ndim > 1 else 1
        nodes = settings.trees * _NODES_A_CLIP / settings.min_samples_leaf
        numbers += nodes * (_NODE_NUMBERS + outputs * classes)
    return _FLOAT64 * numbers
