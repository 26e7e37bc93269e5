"""Mean and covariance of the features that a model was trained on, in a file beside its card."""

import os

import numpy as np
import tensorflow as tf

from schema.model_card import EXTRA_FOLDER
from vggish.distances.gaussian import Gaussian
from vggish.npz_files import read_arrays, write_arrays

MOST_DIMENSIONS = 1024
"""Maximum number of features of which they are kept; the covariance of 1,024 takes 8 MB."""

_FILE = "training_statistics.npz"


def write_training_statistics(folder: str, statistics: Gaussian) -> None:
    """Writes `assets.extra/training_statistics.npz` into a SavedModel.

    Args:
        folder: Folder of the SavedModel.
        statistics: Those of all windows of the training split.
    """
    write_arrays(
        os.path.join(folder, EXTRA_FOLDER, _FILE),
        {
            "count": np.array(statistics.count),
            "mean": statistics.mean,
            "scatter": statistics.scatter,
        },
    )


def read_training_statistics(folder: str) -> Gaussian | None:
    """Reads what `write_training_statistics` wrote; None if there is none."""
    path = os.path.join(folder, EXTRA_FOLDER, _FILE)
    if not tf.io.gfile.exists(path):
        return None
    arrays = read_arrays(path)
    return Gaussian(int(arrays["count"]), arrays["mean"], arrays["scatter"])
