"""From a clip's windows to one vector."""

from collections.abc import Callable

import tensorflow as tf


def pool(embedding: tf.RaggedTensor) -> tf.Tensor:
    """Averages each clip's embeddings over its windows.

    Args:
        embedding: Ragged float32 [batch, n, D], n >= 1.

    Returns:
        float32 [batch, D].
    """
    return tf.reduce_mean(embedding, axis=1)


class PooledHead(tf.Module):
    """From the features of clips, ragged float32 [batch, n, D], to scores [batch, classes].

    Args:
        scores: From pooled features, float32 [batch, D], to scores.
    """

    def __init__(self, scores: Callable[[tf.Tensor], tf.Tensor]):
        super().__init__(name="pooled_head")
        self._scores = scores

    def __call__(self, embedding: tf.RaggedTensor) -> tf.Tensor:
        """Scores a batch."""
        return self._scores(pool(embedding))
