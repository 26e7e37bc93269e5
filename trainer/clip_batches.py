"""Embedded clips as the batches that a Keras model is fitted with."""

import keras
import numpy as np
import tensorflow as tf

from trainer.embedded_clips import EmbeddedClips
from trainer.fitting import EpochBatches


def one_hot(targets: np.ndarray, classes: int) -> np.ndarray:
    """Turns class ids, int64 [clips], into ones and zeros, float32 [clips, classes]."""
    if targets.ndim > 1:
        return targets
    return keras.utils.to_categorical(targets, classes).astype(np.float32)


def train_batches(clips: EmbeddedClips, classes: int, batch_size: int, seed: int) -> EpochBatches:
    """Returns the batches of any epoch, in an order that its number and the seed give."""
    features = tf.constant(clips.pooled)
    targets = tf.constant(one_hot(clips.targets, classes))

    def batches(epoch: tf.Tensor) -> tf.data.Dataset:
        clip_numbers = tf.range(len(clips.targets))
        order = tf.random.experimental.stateless_shuffle(clip_numbers, tf.stack([seed, epoch]))
        return (
            tf.data.Dataset.from_tensor_slices(order)
            .batch(batch_size)
            .map(lambda numbers: (tf.gather(features, numbers), tf.gather(targets, numbers)))
        )

    return batches


def eval_batches(clips: EmbeddedClips, classes: int, batch_size: int) -> tf.data.Dataset:
    """Returns all clips, in their order."""
    pairs = tf.data.Dataset.from_tensor_slices((clips.pooled, one_hot(clips.targets, classes)))
    return pairs.batch(batch_size)
