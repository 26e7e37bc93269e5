"""Batches of embedded clips, for fitting a Keras model."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from trainer.fitting.embedded_clips import EmbeddedClips
from trainer.fitting.keras_fitting import EpochBatches
from trainer.fitting.mixup import ClipInputs
from trainer.heads.pooling import pad_windows


def one_hot(targets: np.ndarray, classes: int) -> np.ndarray:
    """Turns class ids, int64 [clips], into ones and zeros, float32 [clips, classes]."""
    if targets.ndim > 1:
        return targets
    return keras.utils.to_categorical(targets, classes).astype(np.float32)


def embedded_train_batches(
    clips: EmbeddedClips, classes: int, batch_size: int, seed: int
) -> EpochBatches:
    """Returns the batches of any epoch; its number and the seed determine their order."""
    batch_of = _batch_of(clips, classes)

    def batches(epoch: tf.Tensor) -> tf.data.Dataset:
        positions = tf.range(len(clips.targets))
        order = tf.random.experimental.stateless_shuffle(positions, tf.stack([seed, epoch]))
        return tf.data.Dataset.from_tensor_slices(order).batch(batch_size).map(batch_of)

    return batches


def embedded_eval_batches(clips: EmbeddedClips, classes: int, batch_size: int) -> tf.data.Dataset:
    """Returns all clips as batches, in their order."""
    positions = tf.data.Dataset.range(len(clips.targets))
    return positions.batch(batch_size).map(_batch_of(clips, classes))


def _batch_of(
    clips: EmbeddedClips, classes: int
) -> Callable[[tf.Tensor], tuple[ClipInputs, tf.Tensor]]:
    targets = tf.constant(one_hot(clips.targets, classes))
    features = tf.constant(clips.pooled) if clips.windows is None else clips.windows

    def batch(positions: tf.Tensor) -> tuple[ClipInputs, tf.Tensor]:
        inputs = tf.gather(features, positions)
        padded = inputs if clips.windows is None else pad_windows(inputs)
        return padded, tf.gather(targets, positions)

    return batch
