"""Pushed models, and VGGish itself, for files and arrays."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vggish.quiet_tensorflow import import_tensorflow_quietly

import_tensorflow_quietly()

from pipeline.predict.clip_prediction import (  # noqa: E402  TensorFlow is loaded by now.
    Prediction,
    load_pushed_model,
    predict_files,
    to_prediction,
)
from vggish.audio.sound_files import find_files  # noqa: E402
from vggish.embedding.sound_embedding import embed_all  # noqa: E402

Sound = str | Path | np.ndarray
"""A file, or samples: float32 [n], mono at 16 kHz in [-1, 1]."""


class Model:
    """A pushed model.

    Args:
        folder: A version's folder, or the folder of the versions, of which the newest is loaded.

    Raises:
        ConfigError: The folder holds no pushed model.
    """

    def __init__(self, folder: str | Path):
        self._model = load_pushed_model(str(folder))

    def predict(self, sounds: Sound | Sequence[Sound]) -> list[Prediction]:
        """Predicts files, all files of folders, or arrays.

        Args:
            sounds: One or several of them.

        Returns:
            A prediction for each file or array, in their order; those of arrays are called `0`,
            `1` and so on.
        """
        found: list[Prediction] = []
        for place, sound in enumerate(_several(sounds)):
            if isinstance(sound, np.ndarray):
                ((name, answer),) = self._model([(str(place), [np.asarray(sound, np.float32)])])
                found.append(to_prediction(name, answer))
            else:
                found += predict_files(find_files([str(sound)]), self._model)
        return found


def load(folder: str | Path) -> Model:
    """Loads a pushed model; see `Model`."""
    return Model(folder)


def embed(
    sounds: Sound | Sequence[Sound],
    *,
    checkpoint: str,
    network: str = "vggish",
    features: str = "embedding",
) -> list[np.ndarray]:
    """Computes a network's features; `vggish.embed_all` also gives names and times.

    Args:
        sounds: Files, folders or arrays, one or several.
        checkpoint: Path of the network's weights, `download` or `random`.
        network: One of `vggish.NETWORKS`.
        features: One of the network's features.

    Returns:
        The features of each sound, float32 [windows, size].

    Raises:
        AudioError: A file is no sound.
        CheckpointError: The checkpoint is not the network's.

    Example:
        >>> import numpy as np
        >>> [vectors] = embed(np.zeros(16_000), checkpoint="random", features="mfcc")
        >>> vectors.shape
        (1, 40)
    """
    found = embed_all(sounds, checkpoint=checkpoint, network=network, features=features)
    return [sound.vectors for sound in found]


def _several(sounds: Sound | Sequence[Sound]) -> Sequence[Sound]:
    return [sounds] if isinstance(sounds, str | Path | np.ndarray) else sounds
