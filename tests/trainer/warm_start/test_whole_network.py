"""VGGish and a head as one model: what learns, how fast, and what padding does."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from schema.config.model_settings import ModelSettings, TrainSettings
from schema.config.warm_start_settings import WarmStartSettings
from trainer.fitting.keras_fitting import FitOptions, fit_model
from trainer.fitting.objective import build_objective
from trainer.heads.dense import build_frozen_head
from trainer.warm_start.whole_network import WholeNetwork, freeze_layers, rate_scale
from vggish.networks.layer_taps import build_features
from vggish.networks.vggish_network import VGGISH
from vggish.weights.weight_arrays import random_weights

RATE = 1e-3


def build(settings: WarmStartSettings) -> WholeNetwork:
    network = build_features("fusion", random_weights(0), settings.compute)
    freeze_layers(network, settings, VGGISH)
    features = np.random.default_rng(0).normal(0, 1, [8, 8192]).astype(np.float32)
    keras.utils.set_random_seed(0)
    return WholeNetwork(network, build_frozen_head(ModelSettings(hidden=()), 3, features), "mean")


@pytest.fixture(scope="module")
def clips() -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Four clips of one and two windows."""
    log_mel = np.random.default_rng(0).normal(0, 2, [4, 2, 96, 64]).astype(np.float32)
    mask = np.array([[1, 1], [1, 0], [1, 1], [1, 0]], np.float32)
    return (log_mel, mask), np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]


@pytest.mark.parametrize("compute", ["float32", "bfloat16"])
def test_frozen_layers_stay_and_the_others_learn_at_their_rates(clips: tuple, compute: str) -> None:
    settings = WarmStartSettings(freeze_below="conv4_2", network_rate=0.25, compute=compute)
    model = build(settings)
    before = {v.path: v.numpy() for v in model.variables}
    batches = tf.data.Dataset.from_tensors(clips)
    train = TrainSettings(epochs=1, learning_rate=RATE, schedule="constant")
    objective = build_objective(train, clips[1], multi_label=False)
    options = FitOptions(rate_scale=lambda path: rate_scale(settings, VGGISH, path))
    fit_model(model, lambda _: batches, batches, train, objective, options)
    moved = {v.path: np.abs(v.numpy() - before[v.path]).max() for v in model.variables}
    assert {v.dtype for v in model.trainable_variables} == {"float32"}
    for path, distance in moved.items():
        layer = path.partition("/")[0]
        # The first step of Adam is as long as its rate for any gradient.
        expected = {"conv4_2": RATE / 4, "scores": RATE}.get(layer, 0)
        assert distance == pytest.approx(expected, rel=0.02), path
    assert {"conv1/kernel", "conv4_1/bias", "conv4_2/kernel"} < set(moved)


def test_padding_changes_nothing(clips: tuple) -> None:
    model = build(WarmStartSettings())
    (log_mel, mask), _ = clips
    together = model((log_mel, mask)).numpy()
    filled = model((np.where(mask[..., None, None] > 0, log_mel, 1e3), mask)).numpy()
    np.testing.assert_array_equal(together, filled)
    for clip, windows, scores in zip(log_mel, mask.sum(axis=1), together, strict=True):
        alone = clip[None, : int(windows)], mask[:1, :1].repeat(int(windows), axis=1)
        np.testing.assert_allclose(model(alone).numpy()[0], scores, rtol=1e-4)
        # Learning hears all windows at once, other than in steps.
        np.testing.assert_allclose(model(alone, training=True).numpy()[0], scores, rtol=1e-4)
