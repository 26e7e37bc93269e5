"""Embedded clips as the batches that a Keras model is fitted with."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from trainer.fitting.embedded_clips import EmbeddedClips
from trainer.fitting.keras_fitting import EpochBatches
from trainer.fitting.mixup import Inputs
from trainer.heads.pooling import pad


def one_hot(targets: np.ndarray, classes: int) -> np.ndarray:
    """Turns class ids, int64 [clips], into ones and zeros, float32 [clips, classes]."""
    if targets.ndim > 1:
        return targets
    return keras.utils.to_categorical(targets, classes).astype(np.float32)


def inputs_of(clips: EmbeddedClips) -> Callable[[tf.Tensor], Inputs]:
    """Returns what gives a head's inputs of clips by their places, int [batch]."""
    if clips.windows is not None:
        windows = clips.windows
        return lambda places: pad(tf.gather(windows, places))
    pooled = tf.constant(clips.pooled)
    return lambda places: tf.gather(pooled, places)


def train_batches(clips: EmbeddedClips, classes: int, batch_size: int, seed: int) -> EpochBatches:
    """Returns the batches of any epoch, in an order that its number and the seed give."""
    batch_of = _batch_of(clips, classes)

    def batches(epoch: tf.Tensor) -> tf.data.Dataset:
        places = tf.range(len(clips.targets))
        order = tf.random.experimental.stateless_shuffle(places, tf.stack([seed, epoch]))
        return tf.data.Dataset.from_tensor_slices(order).batch(batch_size).map(batch_of)

    return batches


def eval_batches(clips: EmbeddedClips, classes: int, batch_size: int) -> tf.data.Dataset:
    """Returns all clips, in their order."""
    places = tf.data.Dataset.range(len(clips.targets))
    return places.batch(batch_size).map(_batch_of(clips, classes))


def _batch_of(
    clips: EmbeddedClips, classes: int
) -> Callable[[tf.Tensor], tuple[Inputs, tf.Tensor]]:
    inputs = inputs_of(clips)
    targets = tf.constant(one_hot(clips.targets, classes))
    return lambda places: (inputs(places), tf.gather(targets, places))
