"""A network's weights as plain arrays: a dict from the released variables' names to float32 arrays.

Weights are read in this form from every kind of released file, stored in a `.npz` file, and set on
the layers of a Keras model.
"""

import hashlib
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from vggish.errors import CheckpointError
from vggish.networks.network_table import NETWORKS, find_network
from vggish.npz_files import read_arrays, write_arrays


def random_weights(seed: int, network: str = "vggish") -> dict[str, np.ndarray]:
    """Draws weights like a new Keras model: uniform values, and biases of zero.

    Every variable has its own random stream, so its values depend only on the seed and on its place
    in the network. The same seed gives the same bytes on every machine.

    Args:
        seed: Seed, at least 0.
        network: One of `NETWORKS`.

    Returns:
        All variables, float32.
    """
    chosen = find_network(network)
    return {
        name: _uniform(shape, chosen.initial_limit(name, shape), np.random.default_rng([seed, i]))
        for i, (name, shape) in enumerate(chosen.variable_shapes.items())
    }


def _uniform(shape: tuple[int, ...], limit: float, rng: np.random.Generator) -> np.ndarray:
    """Draws values between -limit and limit."""
    values = rng.random(shape, np.float32)
    values *= np.float32(2 * np.float32(limit))
    values -= np.float32(limit)
    return values


def check_variables(
    shapes: Mapping[str, tuple[int, ...]], source: str, network: str = "vggish"
) -> None:
    """Checks that a set of variables is exactly a network's, with the right shapes.

    Args:
        shapes: Shape of each variable, by name.
        source: Name of the file in the message.
        network: One of `NETWORKS`.

    Raises:
        CheckpointError: Variables are wrong; the message names all of them.
    """
    chosen = find_network(network)
    for other in NETWORKS.values():
        if other is not chosen and shapes.keys() == other.variable_shapes.keys():
            raise CheckpointError(
                f"{source} holds {other.title}, not {chosen.title}; set the network to "
                f"{other.name}, or give {chosen.weights_hint}."
            )
    expected = chosen.variable_shapes
    if not shapes.keys() & expected.keys():
        raise CheckpointError(
            f"{source} holds no variable of {chosen.title}; give {chosen.weights_hint}."
        )
    faults = [f"{name} is missing" for name in expected if name not in shapes]
    faults += [f"{name} is not {chosen.title}'s" for name in sorted(shapes) if name not in expected]
    faults += [
        f"{name} is {list(shapes[name])} instead of {list(shape)}"
        for name, shape in expected.items()
        if name in shapes and tuple(shapes[name]) != shape
    ]
    if faults:
        raise CheckpointError(
            f"{source} does not hold the {chosen.title} network: {'; '.join(faults)}; "
            f"give {chosen.weights_hint}."
        )


def save_weights(
    weights: Mapping[str, np.ndarray], path: str | os.PathLike[str], network: str = "vggish"
) -> None:
    """Writes weights as an uncompressed `.npz` file.

    Args:
        weights: All variables, float32, by name.
        path: Path of the file on any file system that TensorFlow knows; its folder must exist.
        network: One of `NETWORKS`.

    Raises:
        CheckpointError: The weights are not the network's.
    """
    shapes = {name: array.shape for name, array in weights.items()}
    check_variables(shapes, "the weights to save", network)
    names = find_network(network).variable_shapes
    write_arrays(path, {name: np.asarray(weights[name], np.float32) for name in names})


def load_weights(path: str | os.PathLike[str], network: str = "vggish") -> dict[str, np.ndarray]:
    """Reads weights that `save_weights` wrote.

    Args:
        path: Path of the `.npz` file, on any file system that TensorFlow knows.
        network: One of `NETWORKS`.

    Returns:
        All variables, float32, by name.

    Raises:
        CheckpointError: The file is absent, is not a `.npz` file of plain arrays, or does not hold
            exactly the network's variables.
    """
    try:
        arrays = read_arrays(path)
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no weights file at {path}; check the path.") from error
    except ValueError as error:
        raise CheckpointError(
            f"{path} is not a weights file written by `convert`; convert the checkpoint again."
        ) from error
    shapes = {variable: array.shape for variable, array in arrays.items()}
    check_variables(shapes, str(path), network)
    return {
        variable: arrays[variable].astype(np.float32, copy=False)
        for variable in find_network(network).variable_shapes
    }


def weights_sha256(weights: Mapping[str, np.ndarray]) -> str:
    """Computes a fingerprint of weights that does not depend on their file.

    Args:
        weights: Arrays by name.

    Returns:
        64 hexadecimal digits: SHA-256 over name, shape and little-endian float32 bytes of each
        variable in the order of the names.
    """
    digest = hashlib.sha256()
    for name in sorted(weights):
        array = np.ascontiguousarray(weights[name], "<f4")
        digest.update(f"{name} {list(array.shape)}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()


def apply_weights(model: Any, weights: Mapping[str, np.ndarray], network: str = "vggish") -> None:
    """Sets the weights of a Keras model's layers that belong to a network.

    Args:
        model: A Keras model with layers named as `build_network` names them; other layers are
            not changed.
        weights: Arrays by name; arrays without a layer are ignored.
        network: One of `NETWORKS`.
    """
    variables = find_network(network).variables
    for layer in model.layers:
        if layer.name in variables:
            layer.set_weights([weights[name] for name in variables[layer.name]])
