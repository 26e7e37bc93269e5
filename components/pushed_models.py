"""The models in a push folder, one folder per version; without TFX, which takes seconds to load."""

import os
from collections.abc import Iterable

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

_FINGERPRINT = "fingerprint.pb"
"""TensorFlow's fingerprint of a SavedModel's content, in the model's folder."""


def pushed_versions(folder: str) -> list[str]:
    """Lists the version folders in a push folder; empty if there is none."""
    if not tf.io.gfile.isdir(folder):
        return []
    names = [name.rstrip("/") for name in tf.io.gfile.listdir(folder)]
    return [os.path.join(folder, name) for name in names if name.isdecimal()]


def newest_model(versions: Iterable[str], other_than: Iterable[str] = ()) -> str | None:
    """Finds the whole model with the highest version.

    Args:
        versions: Version folders, whose names are numbers.
        other_than: SavedModels to leave out, even if they were pushed.

    Returns:
        The folder; None if there is none.

    Raises:
        tf.errors.OpError: The storage failed.
    """
    others = {fingerprint(model) for model in other_than} - {None}
    newest_first = sorted(
        versions, key=lambda path: int(os.path.basename(path.rstrip("/"))), reverse=True
    )
    for path in newest_first:
        if fingerprint(path) not in others and is_whole_model(path):
            return path
    return None


def is_whole_model(folder: str) -> bool:
    """Tells whether a SavedModel can be loaded; a push that died half-way leaves a part of one.

    Args:
        folder: The model's folder, which need not exist.

    Returns:
        Whether the graph can be parsed and every variable can be read.

    Raises:
        tf.errors.OpError: The storage failed.
    """
    try:
        graphs = SavedModel.FromString(_read(os.path.join(folder, "saved_model.pb"))).meta_graphs
        prefix = os.path.join(folder, "variables", "variables")
        shards = tf.io.gfile.glob(f"{prefix}.data-*")
        # The reader tells neither a missing shard nor an outage by the type of its error.
        if not shards or len(shards) != int(shards[0].rpartition("-of-")[2]):
            return False
        variables = tf.compat.v1.train.NewCheckpointReader(prefix)
        for name in variables.get_variable_to_shape_map():
            variables.get_tensor(name)
    except (
        DecodeError,
        ValueError,
        tf.errors.NotFoundError,
        tf.errors.DataLossError,
        tf.errors.OutOfRangeError,
    ):
        return False
    return bool(graphs)  # An empty file parses, too.


def fingerprint(model: str) -> bytes | None:
    """Reads TensorFlow's fingerprint of a model's content; None of a model without one."""
    try:
        return _read(os.path.join(model, _FINGERPRINT))
    except tf.errors.NotFoundError:
        return None


def _read(path: str) -> bytes:
    with tf.io.gfile.GFile(path, "rb") as file:
        content: bytes = file.read()
    return content
