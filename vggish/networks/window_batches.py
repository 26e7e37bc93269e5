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
