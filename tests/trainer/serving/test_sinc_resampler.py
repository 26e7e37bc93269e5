"""The graph's resampling against resampy itself."""

import numpy as np
import pytest
import tensorflow as tf

from trainer.serving.sinc_resampler import sinc_resample
from vggish.audio import decoding

TOLERANCE = 3e-6  # Both sum up to 1,200 products in float32, in different orders.


@pytest.fixture(scope="module")
def graph():
    spec = [tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.int64)]
    return tf.function(sinc_resample, input_signature=spec)


@pytest.mark.parametrize(
    "rate",
    [4_000, 4_001, 4_410, 8_000, 11_025, 12_000, 15_999, 16_001, 22_050, 24_000, 32_000, 44_100,
     44_101, 48_000, 88_200, 96_000, 176_400, 192_000],
)  # fmt: skip
@pytest.mark.parametrize("seconds", [0, 0.001, 0.02, 0.25])
def test_noise_at_full_scale_is_resampled_as_resampy_does(graph, rate, seconds):
    noise = np.random.default_rng(rate).uniform(-1, 1, max(1, int(rate * seconds)))
    noise = noise.astype(np.float32)
    expected = decoding.resample(noise, rate)
    found = graph(noise, rate).numpy()
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("rate", [8_000, 44_100, 191_999])
def test_long_sound_is_resampled_in_more_than_one_product(graph, rate):
    noise = np.random.default_rng(rate).uniform(-1, 1, 30 * rate).astype(np.float32)
    found = graph(noise, rate).numpy()
    assert found.size == 30 * 16_000
    # Sound on either side of a second's end reaches no further than 1,000 samples.
    for second in (1, 17, 29):
        part = noise[(second - 1) * rate : (second + 1) * rate]
        expected = decoding.resample(part, rate)[8_000:24_000]
        start = (second - 1) * 16_000 + 8_000
        np.testing.assert_allclose(found[start : start + 16_000], expected, rtol=0, atol=TOLERANCE)


def test_every_sample_of_a_clip_counts(graph):
    # A clip of 6 samples at 48 kHz is 2 at 16 kHz.
    for place in range(6):
        impulse = np.zeros(6, np.float32)
        impulse[place] = 1
        np.testing.assert_allclose(
            graph(impulse, 48_000), decoding.resample(impulse, 48_000), rtol=0, atol=1e-7
        )
