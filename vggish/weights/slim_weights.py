"""VGGish's weights as plain arrays: a dict from the slim model's variable names to float32 arrays.

Weights are read in this form from a TensorFlow 1 checkpoint, stored in a `.npz` file, and set on
the layers of a Keras model.
"""

import hashlib
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from vggish.errors import CheckpointError
from vggish.npz_files import read_arrays, write_arrays
from vggish.params import CONVOLUTION_CHANNELS, DENSE_UNITS, POOL4_SHAPE


def _scope(layer: str) -> str:
    """Returns a layer's slim scope; repeated layers are nested, as in `vggish/conv3/conv3_1`."""
    block = layer.partition("_")[0]
    return f"vggish/{layer}" if block == layer else f"vggish/{block}/{layer}"


def _variable_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    channels_in = 1
    for layer, channels in CONVOLUTION_CHANNELS.items():
        shapes[f"{_scope(layer)}/weights"] = (3, 3, channels_in, channels)
        shapes[f"{_scope(layer)}/biases"] = (channels,)
        channels_in = channels
    units_in = int(np.prod(POOL4_SHAPE))
    for layer, units in DENSE_UNITS.items():
        shapes[f"{_scope(layer)}/weights"] = (units_in, units)
        shapes[f"{_scope(layer)}/biases"] = (units,)
        units_in = units
    return shapes


VARIABLE_SHAPES = _variable_shapes()
"""Name and shape of each of VGGish's 18 variables, in the order of the layers."""


def random_weights(seed: int) -> dict[str, np.ndarray]:
    """Draws weights like a new Keras model: Glorot uniform, and biases of zero.

    Every variable has its own random stream, so its values depend only on the seed and on its place
    in the network. The same seed gives the same bytes on every machine.

    Args:
        seed: Seed, at least 0.

    Returns:
        All variables, float32.
    """
    return {
        name: _glorot_uniform(shape, np.random.default_rng([seed, index]))
        if name.endswith("/weights")
        else np.zeros(shape, np.float32)
        for index, (name, shape) in enumerate(VARIABLE_SHAPES.items())
    }


def _glorot_uniform(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Glorot and Bengio (2010), equation 16: uniform in +-sqrt(6 / (fan in + fan out))."""
    receptive_field = int(np.prod(shape[:-2]))
    limit = np.float32(np.sqrt(6.0 / (receptive_field * (shape[-2] + shape[-1]))))
    values = rng.random(shape, np.float32)
    values *= 2 * limit
    values -= limit
    return values


def check_variables(shapes: Mapping[str, tuple[int, ...]], source: str) -> None:
    """Checks that a set of variables is exactly VGGish's, with the right shapes.

    Args:
        shapes: Shape of each variable, by slim name.
        source: Name of the file in the message.

    Raises:
        CheckpointError: Variables are wrong; the message names all of them.
    """
    faults = [f"{name} is missing" for name in VARIABLE_SHAPES if name not in shapes]
    faults += [f"{name} is not VGGish's" for name in sorted(shapes) if name not in VARIABLE_SHAPES]
    faults += [
        f"{name} is {list(shapes[name])} instead of {list(shape)}"
        for name, shape in VARIABLE_SHAPES.items()
        if name in shapes and tuple(shapes[name]) != shape
    ]
    if faults:
        raise CheckpointError(
            f"{source} does not hold the VGGish network: {'; '.join(faults)}; "
            "give the released vggish_model.ckpt or weights converted from it."
        )


def save_weights(weights: Mapping[str, np.ndarray], path: str | os.PathLike[str]) -> None:
    """Writes weights as an uncompressed `.npz` file.

    Args:
        weights: All variables, float32, by slim name.
        path: Path of the file on any file system that TensorFlow knows; its folder must exist.

    Raises:
        CheckpointError: The weights are not VGGish's.
    """
    check_variables({name: array.shape for name, array in weights.items()}, "the weights to save")
    write_arrays(path, {name: np.asarray(weights[name], np.float32) for name in VARIABLE_SHAPES})


def load_weights(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Reads weights that `save_weights` wrote.

    Args:
        path: Path of the `.npz` file, on any file system that TensorFlow knows.

    Returns:
        All variables, float32, by slim name.

    Raises:
        CheckpointError: The file is absent, is not a `.npz` file of plain arrays, or does not hold
            exactly VGGish's variables.
    """
    try:
        arrays = read_arrays(path)
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no weights file at {path}; check the path.") from error
    except ValueError as error:
        raise CheckpointError(
            f"{path} is not a weights file written by `convert`; convert the checkpoint again."
        ) from error
    check_variables({variable: array.shape for variable, array in arrays.items()}, str(path))
    return {
        variable: arrays[variable].astype(np.float32, copy=False) for variable in VARIABLE_SHAPES
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


def apply_weights(model: Any, weights: Mapping[str, np.ndarray]) -> None:
    """Sets the weights of a Keras model's VGGish layers.

    Args:
        model: A Keras model with layers named as `build_network` names them; other layers are
            not changed.
        weights: Arrays by slim name; arrays without a layer are ignored.
    """
    for layer in model.layers:
        if layer.name in CONVOLUTION_CHANNELS or layer.name in DENSE_UNITS:
            scope = _scope(layer.name)
            layer.set_weights([weights[f"{scope}/weights"], weights[f"{scope}/biases"]])
