"""The machine-readable model card of a served model."""

import json
import os
from typing import Any

import tensorflow as tf

EXTRA_FOLDER = "assets.extra"
"""Folder in a SavedModel for files that TensorFlow itself does not read."""

WARMUP_FILE = "tf_serving_warmup_requests"
"""File in `EXTRA_FOLDER` with the first requests that TensorFlow Serving runs."""

_FILE = "model_card.json"


def write_model_card(folder: str, card: dict[str, Any]) -> None:
    """Writes `assets.extra/model_card.json` into a SavedModel.

    Args:
        folder: Folder of the SavedModel.
        card: Facts that a consumer of the model needs, as JSON values.
    """
    extra = os.path.join(folder, EXTRA_FOLDER)
    tf.io.gfile.makedirs(extra)
    with tf.io.gfile.GFile(os.path.join(extra, _FILE), "w") as file:
        file.write(json.dumps(card, indent=2, ensure_ascii=False))


def read_model_card(folder: str) -> dict[str, Any]:
    """Reads what `write_model_card` wrote."""
    with tf.io.gfile.GFile(os.path.join(folder, EXTRA_FOLDER, _FILE)) as file:
        return json.loads(file.read())
