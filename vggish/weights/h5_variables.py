"""The variables of Keras's older weights file (`.h5`), as arrays."""

import io

import h5py
import numpy as np

from vggish.errors import CheckpointError
from vggish.weights.file_content import read_content


def read_h5_variables(path: str) -> dict[str, np.ndarray]:
    """Reads every data set of an HDF5 file.

    Args:
        path: Path of the file, on any file system that TensorFlow knows.

    Returns:
        Arrays by full name, in which the layer's name may stand twice.

    Raises:
        CheckpointError: There is no such file, or it is not HDF5.
    """
    variables: dict[str, np.ndarray] = {}

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            variables[name] = item[()]

    content = io.BytesIO(read_content(path))
    try:
        with h5py.File(content, "r") as archive:
            archive.visititems(visit)
    except OSError as error:
        raise CheckpointError(
            f"{path} is not an HDF5 file; give Keras weights in HDF5, or another form."
        ) from error
    return variables
