"""The steps of the demo around the run: its sounds, and a prediction for a new one."""

import tempfile
from pathlib import Path

import numpy as np
import soundfile

from pipeline.demo.sound_synthesizer import synthesize, write_sound_set
from pipeline.runners.run_folder import RunFolder

_HELD_BACK_LABEL = "siren"
_HELD_BACK_SEED = 20_000


def make_sounds(folder: RunFolder) -> Path:
    """Writes the demo's sound set into a run's folder, once, and returns its path."""
    sounds = folder.root / "sounds"
    write_sound_set(sounds)
    return sounds


def predict_held_back(model: str) -> str:
    """Asks a pushed model about a sound that is in no split.

    Args:
        model: The model's version folder.

    Returns:
        A sentence with the true class and the predicted one.
    """
    from pipeline.predict.clip_prediction import load_pushed_model, predict_files

    samples, rate = synthesize(_HELD_BACK_LABEL, np.random.default_rng(_HELD_BACK_SEED))
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, f"{_HELD_BACK_LABEL}.wav")
        soundfile.write(path, samples, rate)
        (prediction,) = predict_files([path], load_pushed_model(model))
    label, score = next(iter(prediction.scores.items()))
    return f"a {_HELD_BACK_LABEL} is heard as {label} (score {score:.3f})"
