"""A pushed model as a function from windows to scores: each window is a clip of its own."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from components.pushed_models import fingerprint
from pipeline.predict.inputs import find_pushed_model
from pipeline.predict.model_server import ClipRefusedError, open_connection
from schema.config.annotations.annotation_settings import BACKGROUND
from schema.model_card import read_model_card
from vggish.audio.decoding import pcm16_from_samples, wav_from_pcm16
from vggish.errors import ConfigError
from vggish.params import WINDOW_SAMPLES

_WINDOWS_A_REQUEST = 32  # The `max_batch_size` of deploy/kubernetes/config/batching.txt.

_HALF = 0.5  # More than all other classes together, where a clip has one label.


@dataclass(frozen=True)
class WindowModel:
    """A model of windows.

    Attributes:
        classes: Class names, in the order of the scores.
        thresholds: Threshold of each class; None if the model has none.
        identity: Text that tells the model from others.
        score: Function from windows, float32 [w, 15600] at 16 kHz in steps of 16 bits, w <=
            `WINDOWS_A_BATCH`, to scores, float32 [w, classes].
    """

    classes: list[str]
    thresholds: dict[str, float] | None
    identity: str
    score: Callable[[np.ndarray], np.ndarray]

    def min_scores(self, wanted: float | None) -> dict[str, float]:
        """Returns the score that begins an event of each class.

        Args:
            wanted: The score for all classes; None: the class's threshold, or 0.5 without one.

        Returns:
            Scores by class name, in the order of `classes`; infinite for the class of background,
            which has no events.
        """
        if wanted is None and self.thresholds is not None:
            scores = {label: self.thresholds[label] for label in self.classes}
        else:
            scores = dict.fromkeys(self.classes, _HALF if wanted is None else wanted)
        return scores | dict.fromkeys({BACKGROUND} & scores.keys(), math.inf)


def load_window_model(folder: str) -> WindowModel:
    """Loads a model that the pipeline pushed.

    Args:
        folder: As for `pipeline.predict.inputs.find_pushed_model`.

    Returns:
        The model.

    Raises:
        ConfigError: The folder does not hold a pushed model of sound, or its clips are shorter than
            windows.
    """
    model = find_pushed_model(folder)
    signature = tf.saved_model.load(model).signatures.get("waveform")
    if signature is None:
        raise ConfigError(f"The model in {model} takes embeddings, no sound; name another model.")

    def ask(windows: np.ndarray) -> dict[str, Any]:
        try:
            return signature(waveform=tf.constant(windows))
        except tf.errors.InvalidArgumentError as error:
            raise ConfigError(f"The model in {model} refuses a window: {error.message}") from error

    return WindowModel(
        classes=[label.decode() for label in ask(_one_window())["labels"].numpy()[0]],
        thresholds=read_model_card(model).get("thresholds"),
        identity=f"{model} {(fingerprint(model) or b'').hex()}",
        score=lambda windows: ask(windows)["scores"].numpy(),
    )


def connect_window_model(url: str, name: str, timeout: float) -> WindowModel:
    """Makes a model that asks `serving_default` of a server.

    Args:
        url: As for `pipeline.predict.model_server.open_connection`.
        name: The model's name on the server.
        timeout: The timeout per attempt, in seconds.

    Returns:
        The model. It has no thresholds, which servers do not tell.

    Raises:
        ConfigError: The URL is not one of a server, or the model's clips are shorter than windows.
        ServerError: The server does not answer.
    """
    connection = open_connection(url, name, timeout)

    def ask(windows: np.ndarray) -> dict[str, Any]:
        try:
            return connection([wav_from_pcm16(pcm16_from_samples(window)) for window in windows])
        except ClipRefusedError as error:
            raise ConfigError(f"The model {name} at {url} refuses a window: {error}") from error

    def score(windows: np.ndarray) -> np.ndarray:
        requests = range(0, len(windows), _WINDOWS_A_REQUEST)
        parts = [ask(windows[start : start + _WINDOWS_A_REQUEST])["scores"] for start in requests]
        return np.concatenate(parts).astype(np.float32)

    classes = [
        label.decode() if isinstance(label, bytes) else label
        for label in ask(_one_window())["labels"][0]
    ]
    return WindowModel(classes, None, f"{url} {name}", score)


def _one_window() -> np.ndarray:
    return np.zeros([1, WINDOW_SAMPLES], np.float32)
