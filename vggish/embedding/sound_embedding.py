"""The embedding of one sound, in one call."""

import os

import numpy as np

from vggish.audio.decoding import decode, resample
from vggish.embedding.embedder import Embedder
from vggish.errors import VggishError
from vggish.params import SAMPLE_RATE
from vggish.weights.checkpoint import weights_for


def embed(
    sound: str | os.PathLike[str] | np.ndarray,
    rate: int = SAMPLE_RATE,
    *,
    network: str = "vggish",
    features: str = "embedding",
    checkpoint: str = "download",
) -> np.ndarray:
    """Embeds a sound file or samples; for many sounds, `vggish.Embedder` loads weights once.

    Args:
        sound: Path of a sound file, or mono samples in [-1, 1], float [n].
        rate: Sample rate of the samples in Hz; a file says its own.
        network: One of `NETWORKS`.
        features: One of the network's `features`.
        checkpoint: Path of the network's weights, `download` or `random`.

    Returns:
        float32 [windows, size]. Window i starts `find_network(network).front_end.hop_samples * i`
        samples at 16 kHz after the start of the sound.

    Raises:
        VggishError: The network or its features do not exist, the weights are not the network's,
            the file is not a sound, or the samples are not one channel.

    Example:
        >>> import numpy as np
        >>> tone = np.sin(2 * np.pi * 440 * np.arange(32_000) / 16_000)
        >>> embed(tone, network="yamnet", checkpoint="random").shape
        (4, 1024)
    """
    if isinstance(sound, np.ndarray):
        if sound.ndim != 1:
            raise VggishError(
                f"Samples are one channel, but their shape is {list(sound.shape)}; pass one."
            )
        samples = resample(sound.astype(np.float32), rate)
    else:
        samples = decode(sound).samples
    weights = weights_for(features, checkpoint, network)
    ((_, vectors),) = Embedder(features, weights, network=network).embed([(None, samples)])
    return vectors
