import numpy as np
import pytest
import tensorflow as tf

from vggish.networks.window_batches import map_batches


@pytest.mark.parametrize("in_graph", [False, True])
@pytest.mark.parametrize("windows", [0, 1, 4, 9])
def test_batches_are_computed_one_after_the_other(windows, in_graph):
    seen = []

    def compute(batch):
        tf.py_function(lambda size: seen.append(int(size)), [tf.shape(batch)[0]], [])
        return tf.cast(tf.reduce_sum(batch, axis=1, keepdims=True), tf.uint8)

    def run(values):
        return map_batches(compute, values, [1], dtype=tf.uint8, batch_size=4)

    values = tf.reshape(tf.range(2 * windows), [windows, 2])
    found = (tf.function(run) if in_graph else run)(values)
    np.testing.assert_array_equal(found, np.arange(1, 4 * windows, 4)[:, np.newaxis])
    assert found.dtype == tf.uint8
    assert seen == [0] if windows == 0 else seen == [4] * (windows // 4) + [1] * (windows % 4)
