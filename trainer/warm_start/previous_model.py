"""Continuing from a model that an earlier run trained."""

import keras

from schema.model_card import read_model_card
from vggish.weights.saved_model_variables import read_saved_model_variables

_LAST_LAYER = "scores"


class PreviousModel:
    """The variables of a SavedModel that a Trainer wrote.

    They are read from its checkpoint by their Keras names; no code is loaded.

    Args:
        folder: Folder of the SavedModel.

    Attributes:
        network: Name of its network.
    """

    def __init__(self, folder: str):
        self._variables = read_saved_model_variables(folder)
        card = read_model_card(folder)
        self._classes: list[str] = card["classes"]
        self.network: str = card.get("network", "vggish")  # Before there were others.

    def restore_network(self, network: keras.Model) -> list[str]:
        """Restores the layers that the previous model also has.

        Args:
            network: The network; layers above the previous model's tap do not change.

        Returns:
            Names of the restored layers.
        """
        set_layers = []
        for layer in network.layers:
            if layer.variables and all(v.path in self._variables for v in layer.variables):
                for variable in layer.variables:
                    variable.assign(self._variables[variable.path])
                set_layers.append(layer.name)
        return set_layers

    def restore_head(self, head: keras.Model, classes: list[str]) -> list[str] | None:
        """Restores a head, if the previous model's head has the same structure.

        Args:
            head: Head from `build_frozen_head`.
            classes: Class names of its scores. The previous model may have other classes or
                another order: classes are matched by name, and unknown classes do not change.

        Returns:
            Classes that the previous model knows; None if the structures differ, and the head did
            not change.
        """
        body = [v for v in head.variables if v.path.partition("/")[0] != _LAST_LAYER]
        body = [v for v in body if "seed_generator" not in v.path]
        last = [v for v in head.variables if v.path.partition("/")[0] == _LAST_LAYER]
        if any(self._shape(v.path) != list(v.shape) for v in body):
            return None
        if any(self._shape(v.path)[:-1] != list(v.shape)[:-1] for v in last):
            return None
        for variable in body:
            variable.assign(self._variables[variable.path])
        known = [name for name in classes if name in self._classes]
        to = [classes.index(name) for name in known]
        of = [self._classes.index(name) for name in known]
        for variable in last:
            values = variable.numpy()
            values[..., to] = self._variables[variable.path][..., of]
            variable.assign(values)
        return known

    def _shape(self, path: str) -> list[int]:
        """Returns a variable's shape; for a missing one, a shape that no variable has."""
        return list(self._variables[path].shape) if path in self._variables else [-1]
