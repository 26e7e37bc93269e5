"""The dense heads, at value level."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from schema.config.model_settings import ModelSettings
from trainer.heads.dense import build_frozen_head
from trainer.heads.pooling import pad_windows


@pytest.mark.parametrize(
    ("hidden", "trainable"),
    [((), 10_320), ((200, 100), 54_580), ((400, 300, 200, 150, 100), 287_730)],
)
def test_trainable_parameters(hidden: tuple[int, ...], trainable: int) -> None:
    features = np.random.default_rng(0).normal(size=(8, 128)).astype("f")
    head = build_frozen_head(ModelSettings(hidden=hidden), 80, features)
    assert sum(int(np.prod(w.shape)) for w in head.trainable_weights) == trainable
    dropouts = [layer for layer in head.layers if isinstance(layer, keras.layers.Dropout)]
    assert [layer.rate for layer in dropouts] == [0.5] * len(hidden)


@pytest.mark.parametrize(
    ("classes", "units"), [(2, [200, 100]), (100, [200, 100]), (101, [1024, 1024])]
)
def test_many_classes_get_wider_layers(classes: int, units: list[int]) -> None:
    features = np.random.default_rng(0).normal(size=(8, 16)).astype("f")
    head = build_frozen_head(ModelSettings(), classes, features)
    layers = [layer for layer in head.layers if isinstance(layer, keras.layers.Dense)]
    assert [layer.units for layer in layers] == [*units, classes]


def test_features_are_standardised_and_bounded() -> None:
    rng = np.random.default_rng(0)
    train = rng.normal([3, -2, 7], [0.1, 5, 0], size=(1_000, 3)).astype("f")
    head = build_frozen_head(ModelSettings(hidden=()), 2, train)
    kernel, bias = head.get_layer("scores").get_weights()
    clip = np.array([[3.1, -1e6, 8]], "f")

    standard = (clip - train.mean(axis=0)) / np.where(train.std(axis=0) == 0, 1, train.std(axis=0))
    logits = np.clip(standard, -5, 5) @ kernel + bias
    expected = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(head(clip).numpy(), expected, rtol=1e-4)


def test_attention_standardises_windows_before_it_weighs_them() -> None:
    rng = np.random.default_rng(0)
    windows = rng.normal([100, -2], [0.1, 5], size=(9, 2)).astype("f")
    clips = tf.RaggedTensor.from_row_lengths(windows, [2, 1, 6])
    keras.utils.set_random_seed(0)
    head = build_frozen_head(ModelSettings(pooling="attention", hidden=()), 3, windows)
    look, bias = head.get_layer("pooling").weights[:2]
    weigh = head.get_layer("pooling").weights[2]
    kernel, offset = head.get_layer("scores").get_weights()

    standard = (windows - windows.mean(axis=0)) / windows.std(axis=0)
    logits = np.tanh(standard @ look.numpy() + bias.numpy()) @ weigh.numpy()
    expected = []
    for rows in (slice(0, 2), slice(2, 3), slice(3, 9)):
        weights = np.exp(logits[rows]) / np.exp(logits[rows]).sum()
        scores = np.exp((weights * standard[rows]).sum(axis=0) @ kernel + offset)
        expected.append(scores / scores.sum())
    np.testing.assert_allclose(head(pad_windows(clips)).numpy(), expected, rtol=1e-4)
