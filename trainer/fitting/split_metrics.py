"""How good scores are, for whatever gave them."""

import math

import keras
import numpy as np

from trainer.metrics.lwlrap import lwlrap


def measure(targets: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Measures any head alike, by its scores.

    Args:
        targets: Of clips with one label its id, int64 [clips]; of clips with several ones and
            zeros, float32 [clips, classes].
        scores: float32 [clips, classes].

    Returns:
        `loss`, and `accuracy` or, of clips with several labels, `lwlrap`.
    """
    if targets.ndim > 1:
        loss = keras.losses.binary_crossentropy(targets, scores)
        quality = {"lwlrap": lwlrap(targets, scores)}
    else:
        loss = keras.losses.sparse_categorical_crossentropy(targets, scores)
        quality = {"accuracy": float((scores.argmax(axis=1) == targets).mean())}
    return {"loss": float(np.mean(loss)), **quality}


def count(weights: list[keras.Variable]) -> int:
    """Counts the numbers of variables."""
    return sum(math.prod(weight.shape) for weight in weights)
