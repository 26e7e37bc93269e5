"""Computing on many windows with the memory of a few."""

from collections.abc import Callable, Sequence

import tensorflow as tf

WINDOWS_A_BATCH = 64


def map_batches(
    compute: Callable[[tf.Tensor], tf.Tensor],
    windows: tf.Tensor,
    shape: Sequence[int],
    *,
    dtype: tf.DType = tf.float32,
    batch_size: int = WINDOWS_A_BATCH,
) -> tf.Tensor:
    """Computes something of every window, a batch at a time, in eager and in graph code.

    Args:
        compute: Takes [b, ...], b <= `batch_size`, and returns [b, *shape].
        windows: [w, ...], w >= 0.
        shape: Shape of what is computed of one window.
        dtype: Type of what is computed.
        batch_size: Maximum number of windows of a batch.

    Returns:
        [w, *shape].
    """
    count = tf.maximum(tf.shape(windows)[0], 1)  # Zero windows are one empty batch.
    batches = tf.map_fn(
        lambda start: compute(windows[start : start + batch_size]),
        tf.range(0, count, batch_size),
        parallel_iterations=1,
        fn_output_signature=tf.RaggedTensorSpec([None, *shape], dtype, ragged_rank=0),
    )
    return tf.ensure_shape(batches.values, [None, *shape])


def map_clips(
    compute: Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, ...]],
    counts: tf.Tensor,
    signature: Sequence[tf.TensorSpec],
) -> tuple[tf.Tensor, ...]:
    """Computes something of every clip, for groups of clips with few windows together.

    A group holds fewer windows than twice `WINDOWS_A_BATCH`, and no more if all of its clips are
    padded to the longest than the square of it; or it is one clip.

    Args:
        compute: Takes the number of a group's first clip and the number after its last, int64, and
            returns tensors [clips, ...].
        counts: Windows of each clip, int [batch].
        signature: Shape and type of each of these tensors.

    Returns:
        The tensors, [batch, ...].
    """
    counts = tf.cast(counts, tf.int64)
    batches = tf.cumsum(counts, exclusive=True) // WINDOWS_A_BATCH
    is_long = counts > WINDOWS_A_BATCH
    is_first = (batches[1:] != batches[:-1]) | is_long[1:] | is_long[:-1]
    # Without clips there is one empty group.
    starts = tf.concat([[0], tf.where(is_first)[:, 0] + 1], axis=0)
    ends = tf.concat([starts[1:], [tf.size(counts, tf.int64)]], axis=0)
    groups = tf.map_fn(
        lambda group: compute(*group),
        (starts, ends),
        parallel_iterations=1,
        fn_output_signature=tuple(
            tf.RaggedTensorSpec(spec.shape, spec.dtype, ragged_rank=0) for spec in signature
        ),
    )
    return tuple(group.values for group in groups)
