"""The files of a search for settings."""

BEST_FILE = "best_hyperparameters.txt"
"""File with the best settings, the sections `model` and `train`, under TFX's own name for it."""

TRIALS_FILE = "trials.json"
"""File with all trials: their settings, scores by fold and seconds."""
