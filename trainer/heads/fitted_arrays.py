"""Fitted arrays as variables of a SavedModel, and as a NumPy file."""

import numpy as np
import tensorflow as tf

from vggish.npz_files import write_arrays


def fitted_variable(name: str, value: np.ndarray) -> tf.Variable:
    """Creates a variable that never changes.

    A constant would be copied into the graph of every signature, and a graph is limited to 2 GB.

    Args:
        name: Name in the `.npz` file: the step, a dot, and scikit-learn's attribute.
        value: Number or array.
    """
    return tf.Variable(value, trainable=False, name=name)


def write_fitted_arrays(module: tf.Module, path: str) -> None:
    """Writes every fitted array of a module under its name.

    Args:
        module: Module whose variables `fitted_variable` created.
        path: Output file, on any file system of TensorFlow.
    """
    arrays = {v.name.removesuffix(":0"): v.numpy() for v in module.variables}
    write_arrays(path, arrays, compressed=True)
