"""What a lost worker leaves between a node's outputs."""

import os

import tensorflow as tf
from tfx.types.artifact import Artifact

# As `apache_beam.io.filebasedsink` names the folder of files that are not finished.
_PREFIX = "beam-temp-"


def remove_leftovers(outputs: dict[str, list[Artifact]]) -> None:
    """Deletes the unfinished files of steps that a runner had to start again.

    A step that starts again writes to a temporary folder of its own, and Beam deletes that one
    alone at the end. The one of the lost attempt stays beside the outputs, where a reader that
    takes whatever is in a folder would stumble over it.

    Args:
        outputs: The outputs of a node whose Beam pipeline is done.
    """
    for artifact in (artifact for artifacts in outputs.values() for artifact in artifacts):
        for folder, inner, _ in list(tf.io.gfile.walk(artifact.uri)):
            for name in inner:
                if name.startswith(_PREFIX):
                    tf.io.gfile.rmtree(os.path.join(folder, name))
