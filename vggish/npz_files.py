"""NumPy archives (`.npz`) on every file system that TensorFlow knows, such as `gs://`."""

import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

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


def open_arrays(path: str | os.PathLike[str]) -> Mapping[str, np.ndarray]:
    """Opens an archive whose arrays are read when they are asked for; nothing is unpickled.

    Args:
        path: Path of the `.npz` file.

    Returns:
        The arrays by name; each access reads its array anew.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The path is not an archive of plain arrays.
        tf.errors.OpError: The storage failed, and may work again later.
    """
    import tensorflow as tf

    with _in_plain_errors(path):
        arrays = np.load(tf.io.gfile.GFile(os.fspath(path), "rb"), allow_pickle=False)
    if not hasattr(arrays, "files"):
        raise ValueError(f"{path} is not an archive of arrays: it holds a single one")
    return arrays


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
    with _in_plain_errors(path):
        return dict(open_arrays(path).items())


@contextmanager
def _in_plain_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    import tensorflow as tf

    try:
        yield
    except tf.errors.NotFoundError as error:
        raise FileNotFoundError(f"there is no file {path}") from error
    except (
        tf.errors.FailedPreconditionError,  # The path is a folder.
        EOFError,
        zipfile.BadZipFile,
    ) as error:
        raise ValueError(f"{path} is not an archive of arrays: {error}") from error
