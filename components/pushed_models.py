"""The models that earlier runs pushed."""

import os
from collections.abc import Iterable

import tensorflow as tf
from tfx.proto.pusher_pb2 import PushDestination
from tfx.types.artifact import Artifact
from tfx.utils import path_utils, proto_utils

_FINGERPRINT = "fingerprint.pb"
"""TensorFlow's fingerprint of a SavedModel's content, in the model's folder."""


def latest_version(push_destination: str, other_than: Iterable[str]) -> str | None:
    """Finds the model that was pushed last.

    Args:
        push_destination: The Pusher's destination, as JSON.
        other_than: SavedModels to leave out, even if they were pushed.

    Returns:
        The folder of the newest version that is not in `other_than`; None if there is none.
    """
    destination = proto_utils.json_to_proto(push_destination, PushDestination())
    folder = destination.filesystem.base_directory
    if not tf.io.gfile.isdir(folder):
        return None
    names = [name.rstrip("/") for name in tf.io.gfile.listdir(folder)]
    versions = sorted((name for name in names if name.isdecimal()), key=int, reverse=True)
    others = {_fingerprint(model) for model in other_than}
    for version in versions:
        path = os.path.join(folder, version)
        if _fingerprint(path) not in {None, *others}:
            return path
    return None


def _fingerprint(model: str) -> bytes | None:
    path = os.path.join(model, _FINGERPRINT)
    if not tf.io.gfile.exists(path):
        return None  # An unfinished push.
    with tf.io.gfile.GFile(path, "rb") as file:
        return file.read()


def holds_model(artifact: Artifact) -> bool:
    """Tells whether an artifact holds a model; not every runner can leave an artifact out."""
    return tf.io.gfile.isdir(path_utils.serving_model_dir(artifact.uri))
