"""A model as a function from windows to scores: each window is a clip of its own."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from components.pushed_models import fingerprint
from schema.config.annotations.annotation_settings import BACKGROUND
from schema.model_card import read_model_card
from vggish.errors import ConfigError
from vggish.networks.window_batches import WINDOWS_A_BATCH
from vggish.params import WINDOW_SAMPLES

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


def load_window_model(model: str) -> WindowModel:
    """Loads a model from its folder.

    A batch is completed with silence to `WINDOWS_A_BATCH`: TensorFlow computes batches of other
    sizes in another order, and a score must not depend on the windows that are scored with it.

    Args:
        model: The SavedModel.

    Returns:
        The model.

    Raises:
        ConfigError: It takes no sound, or its clips are shorter than windows.
    """
    signature = tf.saved_model.load(model).signatures.get("waveform")
    if signature is None:
        raise ConfigError(f"The model in {model} takes embeddings, no sound; name another model.")

    def ask(windows: np.ndarray) -> dict[str, Any]:
        batch = np.zeros([WINDOWS_A_BATCH, WINDOW_SAMPLES], np.float32)
        batch[: len(windows)] = windows
        try:
            return signature(waveform=tf.constant(batch))
        except tf.errors.InvalidArgumentError as error:
            raise ConfigError(f"The model in {model} refuses a window: {error.message}") from error

    nothing = np.zeros([0, WINDOW_SAMPLES], np.float32)
    return WindowModel(
        classes=[label.decode() for label in ask(nothing)["labels"].numpy()[0]],
        thresholds=read_model_card(model).get("thresholds"),
        identity=f"{model} {(fingerprint(model) or b'').hex()}",
        score=lambda windows: ask(windows)["scores"].numpy()[: len(windows)],
    )
