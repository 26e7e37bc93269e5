"""The variables of a SavedModel, as arrays."""

import os

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import trackable_object_graph_pb2

from vggish.errors import CheckpointError

_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


def is_saved_model(path: str) -> bool:
    """Returns whether a path is the folder of a SavedModel."""
    return tf.io.gfile.exists(os.path.join(path, "saved_model.pb"))


def read_saved_model_variables(folder: str) -> dict[str, np.ndarray]:
    """Reads the variables of a SavedModel from its checkpoint; no code of it is loaded.

    Args:
        folder: Folder of the SavedModel.

    Returns:
        Arrays by the full name that the variable had in its program; by the checkpoint's own name
        in a SavedModel of TensorFlow 1.

    Raises:
        CheckpointError: The folder's checkpoint is missing or broken.
    """
    try:
        reader = tf.train.load_checkpoint(os.path.join(folder, "variables", "variables"))
    except (ValueError, tf.errors.NotFoundError, tf.errors.DataLossError) as error:
        raise CheckpointError(
            f"{folder} has no readable variables; give the whole folder of the SavedModel."
        ) from error
    shapes = reader.get_variable_to_shape_map()
    if _OBJECT_GRAPH not in shapes:
        return {name: reader.get_tensor(name) for name in shapes}
    graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(
        reader.get_tensor(_OBJECT_GRAPH)
    )
    return {
        attribute.full_name: reader.get_tensor(attribute.checkpoint_key)
        for node in graph.nodes
        for attribute in node.attributes
        if attribute.checkpoint_key in shapes
    }
