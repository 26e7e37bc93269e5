"""Models of windows that a user names: a pushed one on this machine's disk, or one on a server."""

from typing import Any

import numpy as np

from components.window_model import WindowModel, load_window_model
from pipeline.predict.inputs import find_pushed_model
from pipeline.predict.model_server import ClipRefusedError, open_connection
from vggish.audio.decoding import pcm16_from_samples, wav_from_pcm16
from vggish.errors import ConfigError
from vggish.params import WINDOW_SAMPLES

_WINDOWS_A_REQUEST = 32  # The `max_batch_size` of deploy/kubernetes/config/batching.txt.


def open_pushed_model(folder: str) -> WindowModel:
    """Loads a model that the pipeline pushed.

    Args:
        folder: As for `pipeline.predict.inputs.find_pushed_model`.

    Returns:
        The model.

    Raises:
        ConfigError: The folder does not hold a pushed model of sound, or its clips are shorter than
            windows.
    """
    return load_window_model(find_pushed_model(folder))


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
        for label in ask(np.zeros([1, WINDOW_SAMPLES], np.float32))["labels"][0]
    ]
    return WindowModel(classes, None, f"{url} {name}", score)
