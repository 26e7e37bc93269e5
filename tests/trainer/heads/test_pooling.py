"""Pooling over windows: ragged and padded, in training and in a SavedModel."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from schema.config.model_settings import ModelSettings, Pooling
from trainer.heads.dense import build_frozen_head, standardise
from trainer.heads.pooling import AttentionPooling, PooledHead, pad_windows, pool_windows


@pytest.fixture
def clips() -> tf.RaggedTensor:
    """Clips of three, one and five windows, of numbers that are all below the padding's 0."""
    rng = np.random.default_rng(0)
    return tf.RaggedTensor.from_row_lengths(-rng.random(size=(9, 4)).astype("f"), [3, 1, 5])


def test_means_and_maxima(clips: tf.RaggedTensor) -> None:
    rows = [row.numpy() for row in clips]
    means, maxima = [row.mean(axis=0) for row in rows], [row.max(axis=0) for row in rows]
    np.testing.assert_allclose(pool_windows(clips), means, rtol=1e-5)
    both = np.concatenate([means, maxima], axis=1)
    np.testing.assert_allclose(pool_windows(clips, "mean_max"), both, rtol=1e-5)
    deviations = [row.std(axis=0) for row in rows]
    three = np.concatenate([means, deviations, maxima], axis=1)
    np.testing.assert_allclose(pool_windows(clips, "mean_std_max"), three, rtol=1e-4, atol=2e-6)


def test_deviation_of_one_window_has_a_gradient(clips: tf.RaggedTensor) -> None:
    with tf.GradientTape() as tape:
        tape.watch(clips.flat_values)
        pooled = pool_windows(clips, "mean_std_max")
    assert np.isfinite(tape.gradient(pooled, clips.flat_values).numpy()).all()


def test_a_feature_that_never_changes_stays_zero() -> None:
    train = np.full([1_000, 2], 0.1, np.float32)
    train[:, 0] *= 1 + 1e-7 * np.arange(1_000) / 1_000
    inputs = keras.Input([2])
    scaled = keras.Model(inputs, standardise(inputs, train))
    np.testing.assert_allclose(scaled(train[:3]), 0, atol=1e-6)


def test_padding_gets_no_attention_and_no_gradient(clips: tf.RaggedTensor) -> None:
    keras.utils.set_random_seed(0)
    layer = AttentionPooling()
    windows, present = pad_windows(clips)
    alone = [layer(row[tf.newaxis], tf.ones([1, len(row)]))[0] for row in clips]
    with tf.GradientTape() as tape:
        tape.watch(windows)
        pooled = layer(windows, present)
    np.testing.assert_allclose(pooled, alone, rtol=1e-5)
    gradient = tape.gradient(pooled, windows).numpy()
    assert np.isfinite(gradient).all()
    assert not gradient[present.numpy() == 0].any()
    assert gradient[present.numpy() == 1].all()


@pytest.mark.parametrize("pooling", ["mean", "mean_max", "mean_std_max", "attention"])
def test_saved_head_takes_clips_of_any_length(
    clips: tf.RaggedTensor, pooling: Pooling, tmp_path: Path
) -> None:
    settings = ModelSettings(pooling=pooling, hidden=(3,))
    train = clips.values if pooling == "attention" else pool_windows(clips, pooling)
    head = PooledHead(build_frozen_head(settings, 2, train.numpy()), pooling)
    ragged = tf.RaggedTensorSpec([None, None, 4], tf.float32, ragged_rank=1)
    served = tf.Module()
    served.head = head
    served.score = tf.function(head, input_signature=[ragged])
    tf.saved_model.save(served, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    np.testing.assert_allclose(loaded.score(clips), head(clips), rtol=1e-5)
    one_by_one = [head(clips[i : i + 1])[0] for i in range(3)]
    np.testing.assert_allclose(loaded.score(clips), one_by_one, rtol=1e-4)
