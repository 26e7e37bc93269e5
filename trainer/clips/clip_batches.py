"""Batches of embedded clips, for fitting a Keras model."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from trainer.clips.embedded_clips import EmbeddedClips
from trainer.fitting.keras_fitting import EpochBatches
from trainer.fitting.mixup import ClipInputs
from trainer.heads.pooling import pad_windows
from trainer.workers.share import Share
from trainer.workers.strategy import own_share


def one_hot(targets: np.ndarray, classes: int) -> np.ndarray:
    """Turns class ids, int64 [clips], into ones and zeros, float32 [clips, classes]."""
    if targets.ndim > 1:
        return targets
    return keras.utils.to_categorical(targets, classes).astype(np.float32)


def embedded_train_batches(
    clips: EmbeddedClips, classes: int, batch_size: int, seed: int
) -> EpochBatches:
    """Returns the batches of any epoch; its number and the seed determine their order.

    Every epoch is a permutation of all clips, as if they were in memory; a batch is read from disk
    when it is needed, and of it only the share of this process.
    """
    batch_of = _batch_of(clips, classes)
    share = own_share()
    count = len(clips.targets)

    def batches(epoch: tf.Tensor) -> tf.data.Dataset:
        positions = tf.range(count, dtype=tf.int64)
        order = tf.random.experimental.stateless_shuffle(positions, tf.stack([seed, epoch]))
        own = share.of(tf.data.Dataset.from_tensor_slices(order))
        own_batches = own.batch(share.batch_size(batch_size)).map(batch_of)
        return own_batches.take(share.steps(count, batch_size))

    return batches


def embedded_eval_batches(
    clips: EmbeddedClips, classes: int, batch_size: int, share: Share | None = None
) -> tf.data.Dataset:
    """Returns the clips, or a share of them, as batches, in their order."""
    positions = (share or Share()).of(tf.data.Dataset.range(len(clips.targets)))
    return positions.batch(batch_size).map(_batch_of(clips, classes))


def _batch_of(
    clips: EmbeddedClips, classes: int
) -> Callable[[tf.Tensor], tuple[ClipInputs, tf.Tensor]]:
    def read(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Reads features, windows of each clip, and targets."""
        rows, lengths = clips.rows_of(positions)
        return clips.features[rows], lengths, one_hot(clips.targets[positions], classes)

    def batch(positions: tf.Tensor) -> tuple[ClipInputs, tf.Tensor]:
        features, lengths, targets = tf.numpy_function(
            read, [positions], [tf.float32, tf.int64, tf.float32]
        )
        features.set_shape([None, clips.features.shape[1]])
        targets.set_shape([None, classes])
        if clips.windows is None:
            return features, targets
        lengths.set_shape([None])
        return pad_windows(tf.RaggedTensor.from_row_lengths(features, lengths)), targets

    return batch
