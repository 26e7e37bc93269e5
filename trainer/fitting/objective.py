"""The loss that training minimises: cross-entropy, with optional weights of the classes."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from schema.config.model_settings import TrainSettings

_Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


@dataclass(frozen=True)
class Objective:
    """A loss, and metrics to watch.

    Attributes:
        loss: Function from targets and scores, both float32 [batch, classes], to float32 [batch].
        metrics: Keras metrics.
    """

    loss: _Loss
    metrics: list[keras.metrics.Metric]


def build_objective(
    settings: TrainSettings, targets: np.ndarray, *, multi_label: bool
) -> Objective:
    """Builds the objective of a training.

    For clips with one label, the loss is categorical cross-entropy, and accuracy is the metric. For
    clips with several labels, it is the mean of the labels' binary cross-entropies. `balanced`
    weights each class (for several labels: the presence and the absence of each label) by clips /
    (classes * clips of the class), scikit-learn's rule after King and Zeng (2001). A class without
    clips has weight 0.

    Args:
        settings: Source of `balanced` and `label_smoothing` (Szegedy et al. 2016).
        targets: Targets of the training clips, ones and zeros, float32 [clips, classes].
        multi_label: Whether a clip may have any number of labels.
    """
    counts = targets.sum(axis=0)
    if multi_label:
        having, lacking = (
            _weights(clips, len(targets) / 2, settings.balanced)
            for clips in (counts, len(targets) - counts)
        )
        return Objective(_binary_loss(having, lacking, settings.label_smoothing), [])
    weights = _weights(counts, len(targets) / len(counts), settings.balanced)
    loss = _categorical_loss(weights, settings.label_smoothing)
    return Objective(loss, [keras.metrics.CategoricalAccuracy(name="accuracy")])


def _weights(counts: np.ndarray, even: float, balanced: bool) -> np.ndarray:
    if not balanced:
        return np.ones(len(counts), np.float32)
    return np.where(counts > 0, even / np.maximum(counts, 1), 0).astype(np.float32)


def _categorical_loss(weights: np.ndarray, smoothing: float) -> _Loss:
    def loss(targets: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
        entropy = keras.losses.categorical_crossentropy(targets, scores, label_smoothing=smoothing)
        # A clip has the weight of its class; a mixture of clips has the mixture of their weights.
        return entropy * tf.linalg.matvec(targets, weights)

    return loss


def _binary_loss(having: np.ndarray, lacking: np.ndarray, smoothing: float) -> _Loss:
    def loss(targets: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
        # Keras averages over the last axis; an extra one keeps the labels apart for their weights.
        entropy = keras.losses.binary_crossentropy(
            targets[..., tf.newaxis], scores[..., tf.newaxis], label_smoothing=smoothing
        )
        weights = targets * having + (1 - targets) * lacking
        return tf.reduce_mean(entropy * weights, axis=-1)

    return loss
