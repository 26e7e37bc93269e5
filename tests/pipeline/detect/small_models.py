"""Models of windows for tests: a pushed one, and one that needs no network."""

from pathlib import Path

import keras
import numpy as np

from components.window_model import WindowModel
from schema.model_card import write_model_card
from trainer.heads.pooling import PooledHead
from trainer.serving.served_classifier import ServedClassifier
from vggish.networks.layer_taps import build_features
from vggish.networks.network import FrontEnd

CLASSES = ["dog", "chat noir", "ö"]


def push_model(folder: Path) -> Path:
    """Saves a small model with random weights, whose scores differ from window to window."""
    keras.utils.set_random_seed(0)
    head = keras.Sequential([keras.Input([40]), keras.layers.Dense(3, activation="softmax")])
    served = ServedClassifier(
        build_features("mfcc", None), PooledHead(head), CLASSES, FrontEnd(), thresholds=None
    )
    served.save(str(folder))
    write_model_card(str(folder), {"embedded": False, "thresholds": None})
    return folder


def loudness_model() -> WindowModel:
    """Scores "loud" by a window's largest sample, and "quiet" by what is missing to 1."""

    def score(windows: np.ndarray) -> np.ndarray:
        peak = np.abs(windows).max(axis=1).clip(0, 1)
        return np.stack([peak, 1 - peak], axis=1).astype(np.float32)

    return WindowModel(["loud", "quiet"], None, "loudness", score)
