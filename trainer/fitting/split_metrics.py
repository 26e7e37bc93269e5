"""The final metrics of a split, computed alike for every kind of head."""

import math

import keras
import numpy as np

from trainer.metrics.lwlrap import lwlrap


def compute_split_metrics(targets: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Computes the loss and the main metric of scores.

    Args:
        targets: Class ids, int64 [clips], of clips with one label; ones and zeros, float32 [clips,
            classes], of clips with several.
        scores: float32 [clips, classes].

    Returns:
        `loss` (mean cross-entropy), and `accuracy` or, for clips with several labels, `lwlrap`.
    """
    if targets.ndim > 1:
        loss = keras.losses.binary_crossentropy(targets, scores)
        quality = {"lwlrap": lwlrap(targets, scores)}
    else:
        loss = keras.losses.sparse_categorical_crossentropy(targets, scores)
        quality = {"accuracy": float((scores.argmax(axis=1) == targets).mean())}
    return {"loss": float(np.mean(loss)), **quality}


def count_parameters(weights: list[keras.Variable]) -> int:
    """Counts the elements of all variables."""
    return sum(math.prod(weight.shape) for weight in weights)
