"""Drives the interface as HEAR's validator and evaluation kit do."""

import numpy as np
import pytest
import tensorflow as tf

from vggish import hear
from vggish.errors import VggishError
from vggish.networks.layer_taps import build_features
from vggish.networks.log_mel import log_mel_from_windows


@pytest.fixture(scope="module")
def model():
    return hear.load_model("random", features="mfcc")


def noise(sounds, samples):
    return tf.random.stateless_uniform([sounds, samples], [1, 2], -1.0, 1.0)


def test_the_model_has_what_hear_asks_for(model):
    assert isinstance(model, tf.Module)
    assert model.sample_rate == 16_000
    assert type(model.scene_embedding_size) is int
    assert type(model.timestamp_embedding_size) is int


@pytest.mark.parametrize("seconds", [1 / 16_000, 0.02, 0.5, 1.07, 1.98, 4.0])
def test_timestamps_are_regular_and_reach_the_end(model, seconds):
    samples = round(seconds * 16_000)
    embeddings, timestamps = hear.get_timestamp_embeddings(noise(2, samples), model)
    count = timestamps.shape[1]
    assert embeddings.shape == (2, count, model.timestamp_embedding_size)
    assert timestamps.shape == (2, count)
    assert embeddings.dtype == tf.float32
    np.testing.assert_allclose(timestamps, np.tile(np.arange(count) * 50.0, (2, 1)))
    end = 1_000 * seconds
    assert end - 50 <= timestamps[0, -1] <= end


@pytest.mark.parametrize("seconds", [0.001, 0.96, 2.74, 5.0])
def test_scenes_have_one_embedding(model, seconds):
    embeddings = hear.get_scene_embeddings(noise(4, round(seconds * 16_000)), model)
    assert embeddings.shape == (4, model.scene_embedding_size)
    assert embeddings.dtype == tf.float32


def test_a_timestamps_embedding_is_of_the_window_around_it(model):
    audio = noise(3, 40_000)
    embeddings, _ = hear.get_timestamp_embeddings(audio, model)
    network = build_features("mfcc", None)
    padded = np.pad(audio, [(0, 0), (7_800, 7_800)])
    for index in (0, 1, 21, 22, 49):  # 21 timestamps fill a batch of three sounds.
        window = padded[:, index * 800 : index * 800 + 15_600]
        expected = network(log_mel_from_windows(tf.constant(window)))
        np.testing.assert_allclose(embeddings[:, index], expected, rtol=1e-3, atol=1e-4)


def test_a_scene_is_the_average_of_its_whole_windows(model):
    audio = noise(2, 15_360 * 2 + 1_000)
    network = build_features("mfcc", None)
    windows = tf.stack([audio[:, :15_600], audio[:, 15_360:30_960]], axis=1)
    expected = [np.mean(network(log_mel_from_windows(sound)), axis=0) for sound in windows]
    np.testing.assert_allclose(
        hear.get_scene_embeddings(audio, model), expected, rtol=1e-3, atol=1e-4
    )


def test_an_event_is_heard_when_it_happens(model):
    """A click in silence changes only the timestamps whose windows hold it."""
    audio = np.zeros((1, 48_000), np.float32)
    audio[0, 24_000] = 1.0  # At 1500 ms.
    embeddings, timestamps = hear.get_timestamp_embeddings(tf.constant(audio), model)
    silence, _ = hear.get_timestamp_embeddings(tf.zeros([1, 48_000]), model)
    changed = timestamps[0].numpy()[np.abs(embeddings - silence)[0].max(axis=-1) > 1e-3]
    assert changed.min() == pytest.approx(1_500 - 487.5, abs=50)
    assert changed.max() == pytest.approx(1_500 + 487.5, abs=50)


def test_hop_and_features_can_be_chosen():
    model = hear.load_model("random", features="fusion", hop_ms=250)
    embeddings, timestamps = hear.get_timestamp_embeddings(noise(1, 16_000), model)
    assert embeddings.shape == (1, 4, 8_192)
    assert timestamps.numpy().tolist() == [[0.0, 250.0, 500.0, 750.0]]
    assert sum(np.prod(variable.shape) for variable in model.variables) == 4_499_712
    with pytest.raises(VggishError, match="did you mean 'fusion'"):
        hear.load_model("random", features="fussion")
