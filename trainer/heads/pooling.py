"""Pooling of a clip's windows to one vector."""

from collections.abc import Callable

import keras
import tensorflow as tf

from schema.config.model_settings import Pooling
from trainer.fitting.mixup import ClipInputs

ATTENTION_UNITS = 128
"""Units of the hidden attention layer, as in Ilse et al. (2018)."""


_LEAST_VARIANCE = 1e-12


def pool_windows(embedding: tf.RaggedTensor, pooling: Pooling = "mean") -> tf.Tensor:
    """Pools each clip's embeddings over its windows; nothing is learned.

    Args:
        embedding: Ragged float32 [batch, n, D], n >= 1.
        pooling: `mean`, or the name of several statistics, which are joined in its order: `mean`,
            `std` (deviation of the windows from their mean; about 0 for one window), `max`.

    Returns:
        float32 [batch, k D], of `pooled_parts(pooling)` = k statistics.
    """
    mean = tf.reduce_mean(embedding, axis=1)
    if pooling == "mean":
        return mean
    largest = tf.reduce_max(embedding, axis=1)
    if pooling == "mean_max":
        return tf.concat([mean, largest], axis=1)
    squares = tf.square(embedding.values - tf.gather(mean, embedding.value_rowids()))
    variance = tf.reduce_mean(embedding.with_values(squares), axis=1)
    # Where the variance is 0, the root alone would have no gradient.
    return tf.concat([mean, tf.sqrt(variance + _LEAST_VARIANCE), largest], axis=1)


def pooled_parts(pooling: Pooling) -> int:
    """Returns the number of statistics that a fixed pooling joins."""
    return len(pooling.split("_"))


def pad_windows(embedding: tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Pads all clips to the longest, for layers that do not accept ragged tensors.

    Args:
        embedding: Ragged float32 [batch, n, D].

    Returns:
        Windows, padded with zeros, float32 [batch, longest n, D]; and a mask, 1 for windows and 0
        for padding, float32 [batch, longest n].
    """
    return embedding.to_tensor(), tf.sequence_mask(embedding.row_lengths(), dtype=tf.float32)


class AttentionPooling(keras.layers.Layer):
    """Pools windows, float32 [batch, n, D], with a mask [batch, n]: 1 for windows, 0 for padding.

    After Ilse et al. (2018), "Attention-based deep multiple instance learning", equations 7 and 8:
    the sum of a clip's windows h_k with weights softmax_k(w^T tanh(V h_k)), here with a bias in V.
    """

    def __init__(self, name: str = "pooling"):
        super().__init__(name=name)
        self._look = keras.layers.Dense(ATTENTION_UNITS, activation="tanh", name="look")
        self._weigh = keras.layers.Dense(1, use_bias=False, name="weigh")

    def build(self, windows_shape: tuple[int | None, ...], present_shape: object) -> None:
        """Called by Keras."""
        del present_shape
        self._look.build(windows_shape)
        self._weigh.build((*windows_shape[:-1], ATTENTION_UNITS))

    def call(self, windows: tf.Tensor, present: tf.Tensor) -> tf.Tensor:
        """Called by Keras; returns float32 [batch, D]."""
        logits = keras.ops.squeeze(self._weigh(self._look(windows)), axis=-1)
        weights = keras.ops.softmax(keras.ops.where(present > 0, logits, -float("inf")))
        return keras.ops.einsum("bn,bnd->bd", weights, windows)


class PooledHead(tf.Module):
    """Scores clips [batch, classes] from their features, ragged float32 [batch, n, D].

    Args:
        scores: Function to scores from the result of `pool_windows`, float32 [batch, k D]; for
            `attention`, from that of `pad_windows`.
        pooling: Method of pooling.
    """

    def __init__(self, scores: Callable[[ClipInputs], tf.Tensor], pooling: Pooling = "mean"):
        super().__init__(name="pooled_head")
        self._scores = scores
        self._pooling = pooling

    def __call__(self, embedding: tf.RaggedTensor) -> tf.Tensor:
        """Scores a batch."""
        if self._pooling == "attention":
            return self._scores(pad_windows(embedding))
        return self._scores(pool_windows(embedding, self._pooling))
