"""Mixing clips in pairs (mixup, Zhang et al. 2018)."""

import tensorflow as tf

type Inputs = tf.Tensor | tuple[tf.Tensor, tf.Tensor]
"""Of a batch of clips: a tensor [batch, ...]; or windows, float32 [batch, n, ...], and a mask,
float32 [batch, n], of ones where there is a window and zeros where there is padding."""


def mix(
    inputs: Inputs, targets: tf.Tensor, alpha: float, seed: tf.Tensor
) -> tuple[Inputs, tf.Tensor]:
    """Mixes every clip of a batch with another one, targets alike.

    Of clips of different lengths the windows that both have are mixed, and the longer one's others
    are left as they are.

    Args:
        inputs: See `Inputs`.
        targets: float32 [batch, classes].
        alpha: Of the distribution Beta(alpha, alpha) from which every clip's share is drawn.
        seed: int64 [2]; the same seed draws the same pairs and shares.

    Returns:
        Inputs and targets of the same shapes.
    """
    seeds = tf.random.experimental.stateless_split(seed, 3)
    batch = tf.shape(targets)[0]
    # The share of one of two Gamma-distributed numbers in their sum is Beta-distributed.
    gammas = tf.random.stateless_gamma([2, batch], seeds[0], alpha)
    # Of a small alpha both may be nought.
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
