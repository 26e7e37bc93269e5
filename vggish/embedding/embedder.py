"""Features of many clips, computed in full batches of windows."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import tensorflow as tf

from vggish import params
from vggish.networks.layer_taps import build_features
from vggish.networks.log_mel import log_mel_from_windows, windows_from_waveform
from vggish.networks.network_table import find_network
from vggish.networks.pca_postprocessor import Postprocessor
from vggish.networks.window_batches import WINDOWS_A_BATCH, map_batches


class Embedder:
    """Computes the features of every window of clips.

    Args:
        features: One of the network's `features`.
        weights: Arrays by name; None for features that need no network.
        dtype: Precision of the network, `float32` or `bfloat16`.
        hop_samples: Samples between the starts of windows; None means the network's own.
        postprocessor: Converter to AudioSet's 8-bit embeddings, only for VGGish's `embedding`.
        network: One of `NETWORKS`.

    Raises:
        VggishError: The network or the feature does not exist.

    Attributes:
        front_end: How sound becomes windows.
    """

    def __init__(
        self,
        features: str,
        weights: Mapping[str, np.ndarray] | None,
        *,
        dtype: str = "float32",
        hop_samples: int | None = None,
        postprocessor: Postprocessor | None = None,
        network: str = "vggish",
    ):
        model = build_features(features, weights, dtype, network)
        own = find_network(network).front_end
        front_end = replace(own, hop_samples=hop_samples or own.hop_samples)
        self.front_end = front_end

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def cut(samples: tf.Tensor) -> tf.Tensor:
            return windows_from_waveform(samples[tf.newaxis], front_end=front_end).values

        @tf.function(input_signature=[tf.TensorSpec([None, params.WINDOW_SAMPLES], tf.float32)])
        def embed(windows: tf.Tensor) -> tf.Tensor:
            vectors = model(log_mel_from_windows(windows, front_end), training=False)
            return vectors if postprocessor is None else postprocessor(vectors)

        self._size = model.output_shape[-1]
        self._dtype = tf.float32 if postprocessor is None else tf.uint8
        self._cut = cut
        self._embed = embed

    def embed[Key](
        self, clips: Iterable[tuple[Key, np.ndarray]]
    ) -> Iterator[tuple[Key, np.ndarray]]:
        """Embeds a stream of clips of any lengths; only one batch is in memory.

        Args:
            clips: Key and samples of each clip; samples are float32 [n], mono at 16 kHz in [-1, 1].

        Yields:
            Key and features of each clip, in order; features are [windows, size], float32, or uint8
            if post-processed.
        """
        return embed_in_batches(clips, self._cut, self._embed, self._size, self._dtype)


def embed_in_batches[Key](
    clips: Iterable[tuple[Key, np.ndarray]],
    cut: Callable[[np.ndarray], tf.Tensor],
    embed: Callable[[tf.Tensor], tf.Tensor],
    size: int,
    dtype: tf.DType = tf.float32,
) -> Iterator[tuple[Key, np.ndarray]]:
    """Embeds a stream of clips of any lengths; only one batch is in memory.

    Args:
        clips: Key and samples, float32 [n], of each clip.
        cut: From samples to windows, [windows, 15600].
        embed: From at most `WINDOWS_A_BATCH` windows to features, [windows, size].
        size: Size of the features of a window.
        dtype: Their type.

    Yields:
        Key and features [windows, size] of each clip, in order.
    """
    group: list[tuple[Key, tf.Tensor]] = []
    waiting = 0
    for key, samples in clips:
        windows = cut(samples)
        group.append((key, windows))
        waiting += len(windows)
        if waiting >= WINDOWS_A_BATCH:
            yield from _embed_group(group, embed, size, dtype)
            group, waiting = [], 0
    if group:
        yield from _embed_group(group, embed, size, dtype)


def _embed_group[Key](
    group: list[tuple[Key, tf.Tensor]],
    embed: Callable[[tf.Tensor], tf.Tensor],
    size: int,
    dtype: tf.DType,
) -> Iterator[tuple[Key, np.ndarray]]:
    windows = tf.concat([windows for _, windows in group], axis=0)
    vectors = map_batches(embed, windows, [size], dtype=dtype).numpy()
    ends = np.cumsum([len(windows) for _, windows in group])
    yield from zip([key for key, _ in group], np.split(vectors, ends[:-1]), strict=True)
