"""Batches of embedded clips, for fitting a Keras model."""

import weakref
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

    The caller keeps the clips for as long as it needs batches of them.

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
    """Returns the clips, or a share of them, as batches, in their order.

    The caller keeps the clips for as long as it needs batches of them.
    """
    positions = (share or Share()).of(tf.data.Dataset.range(len(clips.targets)))
    return positions.batch(batch_size).map(_batch_of(clips, classes))


def _batch_of(
    clips: EmbeddedClips, classes: int
) -> Callable[[tf.Tensor], tuple[ClipInputs, tf.Tensor]]:
    # TensorFlow keeps a NumPy function for ever, and all that it holds (script_ops.py appends it to
    # the outermost graph). So it must not hold the clips: a process may train many heads.
    kept = weakref.ref(clips)
    size, has_windows = clips.features.shape[1], clips.windows is not None

    def read(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Reads features, windows of each clip, and targets."""
        clips = kept()
        if clips is None:
            raise ReferenceError("The clips of these batches are gone; keep them while reading.")
        rows, lengths = clips.rows_of(positions)
        return clips.features[rows], lengths, one_hot(clips.targets[positions], classes)

    def batch(positions: tf.Tensor) -> tuple[ClipInputs, tf.Tensor]:
        features, lengths, targets = tf.numpy_function(
            read, [positions], [tf.float32, tf.int64, tf.float32]
        )
        features.set_shape([None, size])
        targets.set_shape([None, classes])
        if not has_windows:
            return features, targets
        lengths.set_shape([None])
        return pad_windows(tf.RaggedTensor.from_row_lengths(features, lengths)), targets

    return batch
