"""NumPy archives (`.npz`) on every file system that TensorFlow knows, such as `gs://`."""

import io
import os
import zipfile
from collections.abc import Mapping

import numpy as np

from vggish.output_files import output_file


def write_arrays(
    path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray], *, compressed: bool = False
) -> None:
    """Writes arrays into an archive, which gets its name once it is complete.

    Args:
        path: Path of the `.npz` file; its folder is made if necessary.
        arrays: Arrays by name.
        compressed: Whether to spend time on a smaller file.
    """
    save = np.savez_compressed if compressed else np.savez
    with output_file(path) as file:
        save(file, **arrays)  # type: ignore[arg-type]  # NumPy has an option among the names.


def read_arrays(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Reads all arrays of an archive; nothing is unpickled.

    Args:
        path: Path of the `.npz` file.

    Returns:
        The arrays by name.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The path is not an archive of plain arrays.
        tf.errors.OpError: The storage failed, and may work again later.
    """
    import tensorflow as tf

    try:
        with tf.io.gfile.GFile(os.fspath(path), "rb") as file:
            stored = np.load(io.BytesIO(file.read()), allow_pickle=False)
        return dict(stored.items())
    except tf.errors.NotFoundError as error:
        raise FileNotFoundError(f"there is no file {path}") from error
    except (
        tf.errors.FailedPreconditionError,  # The path is a folder.
        AttributeError,  # A single array is no archive, so it has no items.
        EOFError,
        zipfile.BadZipFile,
    ) as error:
        raise ValueError(f"{path} is not an archive of arrays: {error}") from error
