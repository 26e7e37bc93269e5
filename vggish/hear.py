"""The networks with the common interface of HEAR 2021, for its evaluation kits.

Specification: https://hearbenchmark.com/hear-api.html. For example:

    from vggish import hear

    model = hear.load_model("vggish_model.ckpt")
    embeddings, timestamps = hear.get_timestamp_embeddings(audio, model)
    scenes = hear.get_scene_embeddings(audio, model)

or `hear.load_model("yamnet.h5", network="yamnet")`.
"""

from dataclasses import replace

import keras
import tensorflow as tf

from vggish import params
from vggish.networks.layer_taps import build_features
from vggish.networks.log_mel import log_mel_from_windows, windows_from_waveform
from vggish.networks.network import FrontEnd
from vggish.networks.network_table import find_network
from vggish.networks.window_batches import WINDOWS_A_BATCH, map_batches
from vggish.weights.checkpoint import weights_for

_MILLISECONDS = 1_000.0


class HearModel(tf.Module):
    """A network with the attributes that HEAR requires.

    Attributes:
        sample_rate: 16000 Hz.
        scene_embedding_size: Size of a scene's embedding.
        timestamp_embedding_size: Size of a timestamp's embedding; the same.
        hop_samples: Samples between timestamps.
        front_end: The network's own windows, and its log-mel.
    """

    sample_rate: int = params.SAMPLE_RATE

    def __init__(self, network: keras.Model, front_end: FrontEnd, hop_samples: int):
        super().__init__(name="hear_model")
        size: int = network.output_shape[-1]
        self.scene_embedding_size = size
        self.timestamp_embedding_size = size
        self.hop_samples = hop_samples
        self.front_end = front_end
        self._network = network
        # A Keras model is no tf.Module, which therefore does not see its variables.
        self._network_variables = [variable.value for variable in network.variables]

    @tf.function(input_signature=[tf.TensorSpec([None, params.WINDOW_SAMPLES], tf.float32)])
    def embed_windows(self, windows: tf.Tensor) -> tf.Tensor:
        """Embeds windows, float32 [w, 15600], as float32 [w, size]."""
        return self._network(log_mel_from_windows(windows, self.front_end), training=False)


def load_model(
    model_file_path: str = "download",
    features: str = "embedding",
    hop_ms: float = 50.0,
    network: str = "vggish",
) -> HearModel:
    """Loads a network.

    Args:
        model_file_path: Path of released or converted weights, `download` or `random`.
        features: One of the network's `features`.
        hop_ms: Milliseconds between timestamps. HEAR suggests at most 50, because
            its event tasks tolerate that much.
        network: One of `vggish.NETWORKS`.

    Returns:
        The model.

    Raises:
        VggishError: The network or features do not exist, or the path does not hold its weights.
    """
    weights = weights_for(features, model_file_path, network)
    hop_samples = round(hop_ms * params.SAMPLE_RATE / _MILLISECONDS)
    model = build_features(features, weights, network=network)
    return HearModel(model, find_network(network).front_end, hop_samples)


def get_timestamp_embeddings(audio: tf.Tensor, model: HearModel) -> tuple[tf.Tensor, tf.Tensor]:
    """Embeds the 0.96 s around each timestamp; the sound is padded with silence.

    Args:
        audio: float32 [n_sounds, n_samples], mono at 16 kHz in [-1, 1], n_samples >= 1.
        model: From `load_model`.

    Returns:
        The embeddings, float32 [n_sounds, n_timestamps, timestamp_embedding_size], and their
        timestamps in milliseconds, float32 [n_sounds, n_timestamps]: 0, hop, 2 hop, ... to the end
        of the sound.
    """
    audio = tf.convert_to_tensor(audio, tf.float32)
    n_sounds, n_samples = audio.shape
    n_timestamps = 1 + (n_samples - 1) // model.hop_samples
    half = params.WINDOW_SAMPLES // 2
    padded = tf.pad(audio, [[0, 0], [half, half]])
    timestamps_a_batch = max(1, WINDOWS_A_BATCH // max(1, n_sounds))
    # Windows overlap many times over, so only a batch of them is ever laid out.
    batches = []
    for first in range(0, n_timestamps, timestamps_a_batch):
        last = min(first + timestamps_a_batch, n_timestamps) - 1
        covered = padded[:, first * model.hop_samples : last * model.hop_samples + 2 * half]
        front_end = replace(model.front_end, hop_samples=model.hop_samples)
        windows = windows_from_waveform(covered, front_end=front_end)
        vectors = model.embed_windows(windows.values)
        batches.append(tf.reshape(vectors, [n_sounds, -1, model.timestamp_embedding_size]))
    # Each from its own index: sums of a rounded hop would drift.
    timestamps = tf.range(n_timestamps, dtype=tf.float32) * (
        model.hop_samples * _MILLISECONDS / model.sample_rate
    )
    return tf.concat(batches, axis=1), tf.tile(timestamps[tf.newaxis], [n_sounds, 1])


def get_scene_embeddings(audio: tf.Tensor, model: HearModel) -> tf.Tensor:
    """Embeds whole sounds: the average over the network's windows, as `embed --pool mean` writes.

    Args:
        audio: float32 [n_sounds, n_samples], mono at 16 kHz in [-1, 1], n_samples >= 1.
        model: From `load_model`.

    Returns:
        float32 [n_sounds, scene_embedding_size].
    """
    audio = tf.convert_to_tensor(audio, tf.float32)
    windows = windows_from_waveform(audio, front_end=model.front_end)
    vectors = map_batches(model.embed_windows, windows.values, [model.scene_embedding_size])
    return tf.reduce_mean(
        tf.reshape(vectors, [audio.shape[0], -1, model.scene_embedding_size]), axis=1
    )
