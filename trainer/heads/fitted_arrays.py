"""Fitted numbers as a SavedModel keeps them, and as NumPy reads them."""

import numpy as np
import tensorflow as tf

from vggish.npz_files import write_arrays


def stored(name: str, value: np.ndarray) -> tf.Variable:
    """Makes a variable that never changes.

    A constant would be written into the graph of every signature, once each, and a graph holds no
    more than 2 GB.

    Args:
        name: What the number is called in the `.npz` file: the step, a dot, and the attribute of
            scikit-learn that it is.
        value: The number or array.
    """
    return tf.Variable(value, trainable=False, name=name)


def write_npz(module: tf.Module, path: str) -> None:
    """Writes every fitted number of a module under its name.

    Args:
        module: Whose variables `stored` made.
        path: The file, on any file system that TensorFlow knows.
    """
    arrays = {v.name.removesuffix(":0"): v.numpy() for v in module.variables}
    write_arrays(path, arrays, compressed=True)
