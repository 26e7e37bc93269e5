"""The model card that goes with a served model, for programs."""

import json
import os
from typing import Any

import tensorflow as tf

EXTRA_FOLDER = "assets.extra"
"""Of a SavedModel, what TensorFlow itself does not read."""

WARMUP_FILE = "tf_serving_warmup_requests"
"""In `EXTRA_FOLDER`, what TensorFlow Serving asks a model before it lets clients in."""

_FILE = "model_card.json"


def write_model_card(folder: str, card: dict[str, Any]) -> None:
    """Writes `assets.extra/model_card.json` beside a SavedModel.

    Args:
        folder: The SavedModel.
        card: What a consumer of the model must know of it.
    """
    extra = os.path.join(folder, EXTRA_FOLDER)
    tf.io.gfile.makedirs(extra)
    with tf.io.gfile.GFile(os.path.join(extra, _FILE), "w") as file:
        file.write(json.dumps(card, indent=2, ensure_ascii=False))


def read_model_card(folder: str) -> dict[str, Any]:
    """Reads what `write_model_card` wrote."""
    with tf.io.gfile.GFile(os.path.join(folder, EXTRA_FOLDER, _FILE)) as file:
        return json.loads(file.read())
