"""The models that were pushed before."""

import os
from collections.abc import Iterable

import tensorflow as tf
from tfx.proto.pusher_pb2 import PushDestination
from tfx.types.artifact import Artifact
from tfx.utils import path_utils, proto_utils

_FINGERPRINT = "fingerprint.pb"
"""TensorFlow's, of a SavedModel's content; each has one of its own."""


def latest_version(push_destination: str, other_than: Iterable[str]) -> str | None:
    """Finds the model that was pushed last.

    Args:
        push_destination: The Pusher's, as JSON.
        other_than: SavedModels that are not meant, however often they were pushed.

    Returns:
        The folder of the newest version that is none of `other_than`; None where there is none.
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
        return None  # A push that did not come to its end.
    with tf.io.gfile.GFile(path, "rb") as file:
        return file.read()


def holds_model(artifact: Artifact) -> bool:
    """Tells whether PushedModelFinder has found a model; some runners know no missing artifact."""
    return tf.io.gfile.isdir(path_utils.serving_model_dir(artifact.uri))
