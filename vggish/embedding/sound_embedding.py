"""The embeddings of sounds, in one call."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vggish.quiet_tensorflow import import_tensorflow_quietly

import_tensorflow_quietly()

from vggish.audio.decoding import decode, resample  # noqa: E402  TensorFlow is loaded by now.
from vggish.audio.sound_files import find_files, printable_name  # noqa: E402
from vggish.audio.sound_formats import named_like_sound  # noqa: E402
from vggish.embedding.embedder import Embedder  # noqa: E402
from vggish.errors import VggishError  # noqa: E402
from vggish.params import SAMPLE_RATE  # noqa: E402
from vggish.weights.checkpoint import weights_for  # noqa: E402

Sound = str | os.PathLike[str] | np.ndarray
"""A file, or mono samples in [-1, 1], float [n]."""


@dataclass(frozen=True)
class SoundEmbedding:
    """The embedding of a sound.

    Attributes:
        name: Path of the file, or the number of the samples among the sounds, from `0`.
        start_seconds: Start of each window, float64 [windows].
        vectors: Features of each window, float32 [windows, size].
    """

    name: str
    start_seconds: np.ndarray
    vectors: np.ndarray


def embed(
    sound: Sound,
    rate: int = SAMPLE_RATE,
    *,
    network: str = "vggish",
    features: str = "embedding",
    checkpoint: str = "download",
) -> np.ndarray:
    """Embeds a sound file or samples; `embed_all` takes many, and gives the times of windows.

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
    samples = _samples(sound if isinstance(sound, np.ndarray) else Path(sound), rate)
    ((_, vectors),) = _embedder(network, features, checkpoint).embed([(None, samples)])
    return vectors


def embed_all(
    sounds: Sound | Sequence[Sound],
    rate: int = SAMPLE_RATE,
    *,
    network: str = "vggish",
    features: str = "embedding",
    checkpoint: str = "download",
) -> Iterator[SoundEmbedding]:
    """Embeds many sounds, in full batches of windows; a few sounds at a time are in memory.

    Args:
        sounds: Paths of sound files, of folders and glob patterns, and samples; one or several.
            Files below a folder that are not named like sounds are passed over.
        rate: Sample rate of the samples in Hz; a file says its own.
        network: One of `NETWORKS`.
        features: One of the network's `features`.
        checkpoint: Path of the network's weights, `download` or `random`.

    Yields:
        The embedding of each sound, in their order.

    Raises:
        VggishError: As `embed` does.

    Example:
        >>> import numpy as np
        >>> tones = [np.sin(np.arange(samples) / 9) for samples in (16_000, 32_000)]
        >>> for sound in embed_all(tones, features="mfcc"):
        ...     print(sound.name, sound.start_seconds, sound.vectors.shape)
        0 [0.] (1, 40)
        1 [0.   0.96] (2, 40)
    """
    embedder = _embedder(network, features, checkpoint)
    found = ((name, _samples(sound, rate)) for name, sound in _named(sounds))
    hop = embedder.front_end.hop_samples / SAMPLE_RATE
    for name, vectors in embedder.embed(found):
        yield SoundEmbedding(name, np.arange(len(vectors)) * hop, vectors)


def _embedder(network: str, features: str, checkpoint: str) -> Embedder:
    return Embedder(features, weights_for(features, checkpoint, network), network=network)


def _named(sounds: Sound | Sequence[Sound]) -> Iterator[tuple[str, Path | np.ndarray]]:
    several = [sounds] if isinstance(sounds, str | os.PathLike | np.ndarray) else sounds
    for number, sound in enumerate(several):
        if isinstance(sound, np.ndarray):
            yield str(number), sound
            continue
        for path in find_files([os.fspath(sound)]):
            if named_like_sound(path.name) or not os.path.isdir(sound):
                yield printable_name(path), path


def _samples(sound: Path | np.ndarray, rate: int) -> np.ndarray:
    if isinstance(sound, Path):
        return decode(sound).samples
    if sound.ndim != 1:
        raise VggishError(
            f"Samples are one channel, but their shape is {list(sound.shape)}; pass one."
        )
    return resample(sound.astype(np.float32), rate)
