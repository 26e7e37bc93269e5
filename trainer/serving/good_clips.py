"""Computing something of the good clips of a request, with the memory of a few windows."""

from collections.abc import Callable

import tensorflow as tf

from trainer.serving.item_faults import refuse_without_good_item
from vggish.networks.window_batches import map_clips

ReadClips = Callable[[tf.Tensor], tuple[tf.RaggedTensor, tf.Tensor]]
"""From the numbers of clips, int64 [clips], to their features, float32 [clips, n, D], ragged in n,
and a sentence for each clip that turns out to be faulty, string [clips]."""


def compute_clips(
    errors: tf.Tensor,
    counts: tf.Tensor,
    read: ReadClips,
    finish: Callable[[tf.RaggedTensor], tf.Tensor],
    size: int,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Computes a vector of every clip without an error.

    Args:
        errors: A sentence for each faulty clip, string [batch]; empty for the others.
        counts: Windows of each clip, int [batch].
        read: Function that reads clips.
        finish: Function from features of clips, float32 [clips, n, D], ragged in n, to vectors,
            float32 [clips, size].
        size: Size of a vector.

    Returns:
        The vectors, float32 [batch, size], and the sentences, string [batch].
    """
    good, vectors, errors = _compute_good(errors, counts, read, finish, size)
    return tf.scatter_nd(good, vectors, [tf.size(errors, tf.int64), size]), errors


def compute_windows(
    errors: tf.Tensor, counts: tf.Tensor, read: ReadClips, size: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Computes a vector of every window of every clip without an error.

    Args:
        errors: A sentence for each faulty clip, string [batch]; empty for the others.
        counts: Windows of each clip, int [batch].
        read: Function that reads clips, as vectors of `size`.
        size: Size of a vector.

    Returns:
        The vectors, float32 [batch, n, size], zero where there is no window; whether there is one,
        bool [batch, n]; and the sentences, string [batch].
    """
    good, values, errors = _compute_good(errors, counts, read, lambda some: some.values, size)
    counts = tf.gather_nd(counts, good)
    batch = tf.size(errors, tf.int64)
    padded = tf.RaggedTensor.from_row_lengths(values, counts).to_tensor()
    longest = tf.shape(padded, tf.int64)[1]
    mask = tf.sequence_mask(
        tf.where(errors == "", tf.scatter_nd(good, counts, [batch]), 0), longest
    )
    vectors = tf.scatter_nd(good, padded, [batch, longest, size])
    return tf.where(mask[:, :, tf.newaxis], vectors, 0.0), mask, errors


def _compute_good(
    errors: tf.Tensor,
    counts: tf.Tensor,
    read: ReadClips,
    finish: Callable[[tf.RaggedTensor], tf.Tensor],
    size: int,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Computes vectors of the clips without an error, and fails if there is none.

    Returns:
        The places of these clips, int64 [clips, 1]; the vectors, float32 [n, size]; and the
        sentences of all, string [batch].
    """
    good = tf.where(errors == "")

    def of_group(start: tf.Tensor, end: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features, faults = read(good[start:end, 0])
        return finish(features), faults

    signature = [tf.TensorSpec([None, size]), tf.TensorSpec([None], tf.string)]
    vectors, faults = map_clips(of_group, tf.gather_nd(counts, good), signature)
    errors = tf.tensor_scatter_nd_update(errors, good, faults)
    with tf.control_dependencies([refuse_without_good_item(errors)]):
        return good, tf.identity(vectors), tf.identity(errors)
