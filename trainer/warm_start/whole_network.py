"""VGGish and a head as one Keras model, all of which learns."""

import keras
import numpy as np
import tensorflow as tf

from schema.config.model_settings import Pooling
from schema.config.warm_start_settings import LAYERS, WarmStartSettings
from trainer.heads.pooling import PooledHead, pool
from vggish.networks.window_batches import map_batches

_WINDOWS_FOR_STATISTICS = 1024


class WholeNetwork(keras.Model):
    """From the log-mel windows of clips to scores.

    Windows that are only padding do not pass through VGGish. Outside of training the others do a
    few at a time, so that memory does not follow the length of clips.

    Args:
        network: From log-mel windows, float32 [w, 96, 64], to features [w, D].
        head: From what its `pooling` makes of features, as `PooledHead` takes it, to scores.
        pooling: How windows are pooled.
    """

    def __init__(self, network: keras.Model, head: keras.Model, pooling: Pooling):
        super().__init__(name="whole_network")
        self.network = network
        self.head = head
        self.pooling = pooling
        self.built = True
        # How many windows a batch has is only known when it is there, and XLA wants to know before.
        self.supports_jit = False

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Scores clips.

        Args:
            inputs: float32 [batch, n, 96, 64]; float32 [batch, n], ones where there is a window and
                zeros behind, where there is padding.
            training: Whether this is to learn from.

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
        network: From log-mel windows, float32 [w, 96, 64], to features [w, D].
        inputs: As those of `WholeNetwork`.
        training: Whether gradients are wanted, for which all windows must pass at once.

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
) -> np.ndarray | tf.RaggedTensor:
    """Computes what the network says of the training clips before it learns anything.

    The mean and deviation by which the head standardises its features are those of the beginning,
    and stay: features drift while the network learns, but slowly, at a rate that is a fraction of
    the head's, and the head's weights follow. Batch normalisation in this place would follow by
    itself, but its moving averages take longer to leave their initial values than a short training
    has steps, and few clips at a time make another model of training than of serving.

    Args:
        network: From log-mel windows to features, of size D.
        batches: Clips to hear, as `evaluation_batches`; the first thousand windows are enough.
        pooling: How windows are pooled.

    Returns:
        What `build_frozen_head` takes.
    """
    hear = tf.function(lambda inputs: embed_clips(network, inputs), reduce_retracing=True)
    heard: list[tf.RaggedTensor] = []
    for inputs, _ in batches:
        heard.append(hear(inputs))
        if sum(len(embedding.values) for embedding in heard) >= _WINDOWS_FOR_STATISTICS:
            break
    embedding = tf.concat(heard, axis=0)
    return embedding if pooling == "attention" else pool(embedding, pooling).numpy()


def freeze(network: keras.Model, settings: WarmStartSettings) -> None:
    """Keeps the layers below `freeze_below` as they are."""
    for layer in network.layers:
        if layer.name in settings.frozen_layers:
            layer.trainable = False


def rate_scale(settings: WarmStartSettings, path: str) -> float:
    """Returns what the learning rate of a variable is multiplied by: 1 for the head's.

    VGGish was trained on far more sound than most data sets hold. At the rate that a head needs,
    the first steps, while the head is still random, would undo what it knows.
    """
    return settings.network_rate if path.partition("/")[0] in LAYERS else 1.0
