"""A network and a head as one trainable Keras model."""

import keras
import numpy as np
import tensorflow as tf

from schema.config.model_settings import Pooling
from schema.config.warm_start_settings import WarmStartSettings
from trainer.heads.pooling import PooledHead, pool_windows
from vggish.networks.network import Network
from vggish.networks.window_batches import map_batches

_WINDOWS_FOR_STATISTICS = 1024


class WholeNetwork(keras.Model):
    """Scores clips from their log-mel windows.

    Windows of padding do not pass through the network. Outside of training, the others pass a
    few at a time, so that long clips take no more memory.

    Args:
        network: Model from log-mel windows, float32 [w, 96, 64], to features [w, D].
        head: Model from pooled features to scores, as for `PooledHead`.
        pooling: Method of pooling.
    """

    def __init__(self, network: keras.Model, head: keras.Model, pooling: Pooling):
        super().__init__(name="whole_network")
        self.network = network
        self.head = head
        self.pooling = pooling
        self.built = True

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Scores clips.

        Args:
            inputs: Log-mel windows, float32 [batch, n, 96, 64], and their mask, float32 [batch, n],
                1 for a window and then 0 for padding.
            training: Whether this is a training step.

        Returns:
            float32 [batch, classes].
        """
        embedding = embed_clips(self.network, inputs, training=training)
        return PooledHead(self.head, self.pooling)(embedding)  # As it is served.


def embed_clips(
    network: keras.Model, inputs: tuple[tf.Tensor, tf.Tensor], *, training: bool = False
) -> tf.RaggedTensor:
    """Computes the features of clips.

    Args:
        network: Model from log-mel windows, float32 [w, 96, 64], to features [w, D].
        inputs: Inputs of `WholeNetwork`.
        training: Whether to pass all windows at once, as gradients require.

    Returns:
        Ragged float32 [batch, n, D].
    """
    log_mel, mask = inputs
    windows = tf.boolean_mask(log_mel, mask > 0)
    features = network(windows, training=True) if training else _in_batches(network, windows)
    lengths = tf.cast(tf.reduce_sum(mask, axis=1), tf.int64)
    return tf.RaggedTensor.from_row_lengths(features, lengths)


def _in_batches(network: keras.Model, windows: tf.Tensor) -> tf.Tensor:
    return map_batches(
        lambda batch: network(batch, training=False), windows, network.output_shape[1:]
    )


def features_before_training(
    network: keras.Model, batches: tf.data.Dataset, pooling: Pooling
) -> np.ndarray:
    """Computes features of the training clips with the untrained network.

    The head standardises its features by their mean and deviation before training, which then stay
    fixed. Features drift slowly while the network learns, at a fraction of the head's rate, and the
    head's weights follow. Batch normalisation would follow by itself, but a short training has too
    few steps for its moving averages, and with few clips per batch the model would differ between
    training and serving.

    Args:
        network: Model from log-mel windows to features.
        batches: Batches as from `sound_eval_batches`; about the first thousand windows are used.
        pooling: Method of pooling.

    Returns:
        The features that `build_frozen_head` takes.
    """
    hear = tf.function(lambda inputs: embed_clips(network, inputs), reduce_retracing=True)
    heard: list[tf.RaggedTensor] = []
    for inputs, _ in batches:
        heard.append(hear(inputs))
        if sum(len(embedding.values) for embedding in heard) >= _WINDOWS_FOR_STATISTICS:
            break
    embedding = tf.concat(heard, axis=0)
    if pooling == "attention":
        return embedding.flat_values.numpy()
    return pool_windows(embedding, pooling).numpy()


def freeze_layers(model: keras.Model, settings: WarmStartSettings, network: Network) -> None:
    """Freezes the layers of a network's model below `freeze_below`."""
    frozen = settings.frozen_layers(network)
    for layer in model.layers:
        if layer.name in frozen:
            layer.trainable = False


def rate_scale(settings: WarmStartSettings, network: Network, path: str) -> float:
    """Returns the factor of a variable's learning rate, 1 for variables of the head.

    The network was trained on far more sound than most data sets hold. At the head's rate, the
    first steps, while the head is still random, would destroy what it has learned.
    """
    return settings.network_rate if path.partition("/")[0] in network.variables else 1.0
