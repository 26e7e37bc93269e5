"""Resampling to 16 kHz as TensorFlow graph code, with the filter that ingestion resamples with.

`resampy` (see `vggish.resample`) weights the samples around each output sample with a windowed sinc
from a table. Output samples whose times differ by a whole number of input samples have the same
weights. The weights of a block of output samples are therefore one matrix, and all blocks at the
same position of the cycle are one matrix product.
"""

import functools

import numpy as np
import tensorflow as tf

from vggish.params import SAMPLE_RATE

_FILTER = "kaiser_best"  # The default of `resampy.resample`, which the reference calls.
_BLOCK = 64  # Output samples of one matrix: long ones multiply more zeros, short ones are slow.
_FRAME_VALUES = 1 << 20  # Input samples of one product, to limit memory.
_DIVISORS = [d for d in range(1, SAMPLE_RATE + 1) if SAMPLE_RATE % d == 0]


def resampled_length(count: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
    """Returns the number of samples of a resampled clip.

    Args:
        count: Number of samples before, int64 [...].
        rate: Sample rate before in Hz, int64 [...].

    Returns:
        int64 [...], the same number as from `vggish.resample`: at least 1 if the clip has samples.
    """
    return tf.maximum(count * SAMPLE_RATE // rate, tf.minimum(count, 1))


def sinc_resample(samples: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
    """Resamples mono sound to 16 kHz; agrees with `vggish.audio.decoding.resample` to 1e-5.

    Time and memory grow with the number of samples. Rates that share few factors with 16,000 take
    longer, because each of up to 16,000 output samples has its own weights.

    Args:
        samples: Samples, float32 [n], n >= 1.
        rate: Sample rate in Hz, int64.

    Returns:
        float32 [m]; m is the result of `resampled_length`.
    """
    table, values_a_crossing = _filter_table()
    table = tf.constant(table)
    total = resampled_length(tf.size(samples, tf.int64), rate)
    divisor = tf.reduce_max(tf.where(rate % _DIVISORS == 0, tf.constant(_DIVISORS, tf.int64), 1))
    up, down = SAMPLE_RATE // divisor, rate // divisor
    # The weights repeat after a cycle of so many output samples, or `hop` input samples.
    cycle = up * tf.maximum(_BLOCK // up, 1)
    hop = cycle // up * down
    scale = tf.minimum(SAMPLE_RATE / rate, 1.0)  # float64. Below 1 the filter is widened.
    step = tf.cast(scale * values_a_crossing, tf.int64)  # resampy also drops the fraction.
    reach = (table.shape[0] - _TABLE_END) // step  # Input samples on either side.
    width = 2 * reach + (_BLOCK - 1) * down // up + 1
    blocks = -(-tf.minimum(cycle, total) // _BLOCK)
    cycles = -(-total // cycle)
    products = -(-cycles // tf.maximum(_FRAME_VALUES // width, 1))
    cycles_a_product = -(-cycles // products)
    silent_ends = tf.pad(samples, [[1, 1]])

    def one_product(task: tf.Tensor) -> tf.Tensor:
        outputs = task // products * _BLOCK + tf.range(_BLOCK, dtype=tf.int64)
        inputs, remainders = outputs * down // up, outputs * down % up
        first = inputs[0] - reach + 1
        columns = tf.range(width)
        # Distance in table values from each output sample's time back to each input sample.
        fractions = tf.cast(remainders / up * scale * values_a_crossing, tf.float32)
        behind = (inputs - first - columns[:, tf.newaxis]) * step
        ahead_of = tf.cast(behind, tf.float32) + fractions
        crossing_rest = tf.cast(scale * values_a_crossing, tf.float32) - tf.cast(step, tf.float32)
        index = tf.where(ahead_of < 0, crossing_rest - ahead_of, ahead_of)
        weights = _look_up(table, index, step)

        starts = first + hop * (task % products * cycles_a_product + tf.range(cycles_a_product))
        places = tf.clip_by_value(
            starts[:, tf.newaxis] + columns + 1, 0, tf.size(silent_ends, tf.int64) - 1
        )
        return tf.matmul(tf.gather(silent_ends, places), weights)

    found = tf.map_fn(
        one_product,
        tf.range(blocks * products),
        parallel_iterations=1,
        fn_output_signature=tf.TensorSpec([None, _BLOCK], tf.float32),
    )
    by_block = tf.reshape(found, [blocks, products * cycles_a_product, _BLOCK])
    by_cycle = tf.reshape(
        tf.transpose(by_block, [1, 0, 2]), [products * cycles_a_product, blocks * _BLOCK]
    )
    return tf.reshape(by_cycle[:, :cycle], [-1])[:total] * tf.cast(scale, tf.float32)


_TABLE_END = 2  # Zeros that are appended to the table.


@functools.cache
def _filter_table() -> tuple[np.ndarray, int]:
    """Returns the right half of resampy's filter, zero-padded, and its values per crossing."""
    # Imported here because resampy loads its compiler, and only exports need the table.
    from resampy.filters import get_filter

    half, values_a_crossing, _ = get_filter(_FILTER)
    return np.pad(half, (0, _TABLE_END)).astype(np.float32), int(values_a_crossing)


def _look_up(table: tf.Tensor, index: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
    """Interpolates linearly in the table; values beyond its last whole step are 0."""
    below = tf.cast(index, tf.int32)
    end = table.shape[0] - _TABLE_END
    below = tf.where(below > end - tf.cast(step, tf.int32), end, below)
    lower, upper = tf.gather(table, below), tf.gather(table, below + 1)
    return lower + (index - tf.floor(index)) * (upper - lower)
