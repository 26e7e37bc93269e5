"""Going on from a model that an earlier run has trained."""

import os

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import trackable_object_graph_pb2

from schema.model_card import read_model_card

_LAST_LAYER = "scores"


class PreviousModel:
    """The values of a SavedModel that a Trainer wrote.

    They are read from its checkpoint, by the names that Keras gives to variables; no code is.

    Args:
        folder: The SavedModel.
    """

    def __init__(self, folder: str):
        self._reader = tf.train.load_checkpoint(os.path.join(folder, "variables", "variables"))
        graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(
            self._reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH")
        )
        self._keys = {
            attribute.full_name: attribute.checkpoint_key
            for node in graph.nodes
            for attribute in node.attributes
        }
        self._classes: list[str] = read_model_card(folder)["classes"]

    def restore_network(self, network: keras.Model) -> list[str]:
        """Sets the layers that the other model has, too.

        Args:
            network: Of VGGish; the layers of a tap further up than the other model's stay.

        Returns:
            The layers that were set.
        """
        set_layers = []
        for layer in network.layers:
            if layer.variables and all(v.path in self._keys for v in layer.variables):
                for variable in layer.variables:
                    variable.assign(self._value(variable.path))
                set_layers.append(layer.name)
        return set_layers

    def restore_head(self, head: keras.Model, classes: list[str]) -> list[str] | None:
        """Sets a head, if the other model's is built alike.

        Args:
            head: As `build_frozen_head` makes it.
            classes: The class names of its scores. Those of the other model may be in another
                order, or others: what it knows of a class goes to the class of the same name, and a
                class that it does not know stays as it is.

        Returns:
            The classes that it knows; None where it is built differently, and nothing was set.
        """
        body = [v for v in head.variables if v.path.partition("/")[0] != _LAST_LAYER]
        body = [v for v in body if "seed_generator" not in v.path]
        last = [v for v in head.variables if v.path.partition("/")[0] == _LAST_LAYER]
        if any(self._shape(v.path) != list(v.shape) for v in body):
            return None
        if any(self._shape(v.path)[:-1] != list(v.shape)[:-1] for v in last):
            return None
        for variable in body:
            variable.assign(self._value(variable.path))
        known = [name for name in classes if name in self._classes]
        to = [classes.index(name) for name in known]
        of = [self._classes.index(name) for name in known]
        for variable in last:
            values = variable.numpy()
            values[..., to] = self._value(variable.path)[..., of]
            variable.assign(values)
        return known

    def _shape(self, path: str) -> list[int]:
        """Returns a variable's shape; of one that is not there, none that another one has."""
        if path not in self._keys:
            return [-1]
        return self._reader.get_variable_to_shape_map()[self._keys[path]]

    def _value(self, path: str) -> np.ndarray:
        return self._reader.get_tensor(self._keys[path])
