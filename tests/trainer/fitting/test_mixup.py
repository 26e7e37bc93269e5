"""Mixing clips in pairs."""

import numpy as np
import tensorflow as tf

from trainer.fitting.mixup import mix_clips

SEED = tf.constant([0, 1], tf.int64)


def test_inputs_and_targets_are_mixed_alike() -> None:
    targets = np.eye(64, dtype="f")
    inputs = np.arange(64, dtype="f")[:, np.newaxis] * [1.0, -2.0]
    mixed, mixed_targets = mix_clips(
        tf.constant(inputs, tf.float32), tf.constant(targets), 0.4, SEED
    )
    np.testing.assert_allclose(mixed, mixed_targets.numpy() @ inputs, rtol=1e-4)
    np.testing.assert_allclose(mixed_targets.numpy().sum(axis=1), 1, rtol=1e-5)
    shares = mixed_targets.numpy().max(axis=1)
    assert 0.5 <= shares.min() < shares.max() <= 1
    again, _ = mix_clips(tf.constant(inputs, tf.float32), tf.constant(targets), 0.4, SEED)
    np.testing.assert_array_equal(mixed, again)
    other, _ = mix_clips(tf.constant(inputs, tf.float32), tf.constant(targets), 0.4, SEED + 1)
    assert (other.numpy() != mixed.numpy()).any()


def test_shares_are_of_the_beta_distribution() -> None:
    alpha, clips = 0.3, 20_000
    inputs = tf.cast(tf.range(clips) % 2, tf.float32)[:, tf.newaxis]
    mixed = mix_clips(inputs, inputs, alpha, SEED)[0].numpy()
    # Half of all pairs differ, and give a share; its variance is 1 / (4 (2 alpha + 1)).
    shares = mixed[(mixed > 0) & (mixed < 1)]
    assert len(shares) > 0.45 * clips
    np.testing.assert_allclose(shares.mean(), 0.5, atol=0.02)
    np.testing.assert_allclose(shares.var(), 1 / (4 * (2 * alpha + 1)), rtol=0.05)


def test_windows_that_only_one_clip_has_are_left_alone() -> None:
    windows = tf.constant([[[1.0], [2.0], [3.0]], [[9.0], [0.0], [0.0]]])
    present = tf.constant([[1.0, 1, 1], [1, 0, 0]])
    targets = tf.eye(2)
    for seed in range(20):
        (mixed, there), shares = mix_clips((windows, present), targets, 1.0, tf.constant([0, seed]))
        if shares[0, 1] == 0:  # Each was paired with itself.
            continue
        np.testing.assert_array_equal(there, np.ones([2, 3]))
        np.testing.assert_allclose(mixed[:, 1:, 0], [[2, 3], [2, 3]], rtol=1e-5)
        np.testing.assert_allclose(mixed[:, 0, 0], shares.numpy() @ [1, 9], rtol=1e-5)
        return
    raise AssertionError
