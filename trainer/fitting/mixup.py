"""Mixing clips in pairs (mixup; Zhang et al. 2018, arXiv:1710.09412)."""

import tensorflow as tf

type ClipInputs = tf.Tensor | tuple[tf.Tensor, tf.Tensor]
"""Inputs of a batch of clips: a tensor [batch, ...]; or windows, float32 [batch, n, ...], with a
mask, float32 [batch, n], that is 1 for a window and 0 for padding."""


def mix_clips(
    inputs: ClipInputs, targets: tf.Tensor, alpha: float, seed: tf.Tensor
) -> tuple[ClipInputs, tf.Tensor]:
    """Mixes every clip of a batch, and its target, with another one.

    If the clips differ in length, the windows that both have are mixed, and the other windows of
    the longer clip stay unchanged.

    Args:
        inputs: See `ClipInputs`.
        targets: float32 [batch, classes].
        alpha: Parameter of Beta(alpha, alpha), from which every clip's share is drawn.
        seed: int64 [2]; the same seed draws the same pairs and shares.

    Returns:
        Inputs and targets of the same shapes.
    """
    seeds = tf.random.experimental.stateless_split(seed, 3)
    batch = tf.shape(targets)[0]
    # For two Gamma-distributed numbers a and b, a / (a + b) is Beta-distributed.
    gammas = tf.random.stateless_gamma([2, batch], seeds[0], alpha)
    # With a small alpha, both may be 0.
    share = tf.math.divide_no_nan(gammas[0], gammas[0] + gammas[1])
    order = tf.random.experimental.stateless_shuffle(tf.range(batch), seeds[1])
    mixed_targets = _between(targets, tf.gather(targets, order), share)
    if not isinstance(inputs, tuple):
        return _between(inputs, tf.gather(inputs, order), share), mixed_targets
    windows, mask = inputs
    other_windows, other_mask = tf.gather(windows, order), tf.gather(mask, order)
    weight, other_weight = share[:, tf.newaxis] * mask, (1 - share[:, tf.newaxis]) * other_mask
    share_of_window = tf.math.divide_no_nan(weight, weight + other_weight)
    mixed = _between(windows, other_windows, share_of_window)
    return (mixed, tf.maximum(mask, other_mask)), mixed_targets


def _between(one: tf.Tensor, other: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """Takes `share` of the one and the rest of the other, along the leading axes."""
    axes = tf.rank(one) - tf.rank(share)
    share = tf.reshape(share, tf.concat([tf.shape(share), tf.ones([axes], tf.int32)], 0))
    return other + (one - other) * share
