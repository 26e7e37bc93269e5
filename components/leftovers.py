"""Removal of the files that a lost worker leaves among a node's outputs."""

import os

import tensorflow as tf
from tfx.types.artifact import Artifact

# `apache_beam.io.filebasedsink` gives this prefix to folders of unfinished files.
_PREFIX = "beam-temp-"


def remove_leftovers(outputs: dict[str, list[Artifact]]) -> None:
    """Deletes the unfinished files of steps that a runner had to start again.

    A step that starts again writes to a new temporary folder, and Beam deletes only that one at
    the end. The folder of the lost attempt stays among the outputs, where it would break readers
    that take all files of a folder.

    Args:
        outputs: The outputs of a node whose Beam pipeline has ended.
    """
    for artifact in (artifact for artifacts in outputs.values() for artifact in artifacts):
        for folder, inner, _ in list(tf.io.gfile.walk(artifact.uri)):
            for name in inner:
                if name.startswith(_PREFIX):
                    tf.io.gfile.rmtree(os.path.join(folder, name))
