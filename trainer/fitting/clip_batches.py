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


def clip_inputs(clips: EmbeddedClips) -> Callable[[tf.Tensor], ClipInputs]:
    """Returns a function from positions of clips, int [batch], to a head's inputs."""
    if clips.windows is not None:
        windows = clips.windows
        return lambda positions: pad_windows(tf.gather(windows, positions))
    pooled = tf.constant(clips.pooled)
    return lambda positions: tf.gather(pooled, positions)


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
    inputs = clip_inputs(clips)
    targets = tf.constant(one_hot(clips.targets, classes))
    return lambda positions: (inputs(positions), tf.gather(targets, positions))
