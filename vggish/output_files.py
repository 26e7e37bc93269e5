"""Output files on the disk, and in every storage that TensorFlow knows, such as `gs://`."""

import os
import posixpath
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vggish.errors import ConfigError


def check_output(path: str | os.PathLike[str]) -> None:
    """Makes the folder of an output file, and checks that files can be made in it.

    Commands call it first: nobody should wait for hours to learn that a path is wrong.

    Args:
        path: Path or address of the file.

    Raises:
        ConfigError: The file cannot be written.
    """
    address = os.fspath(path)
    folder = address.removesuffix(posixpath.basename(address))
    try:
        if "://" in address:
            _make_stored_folder(folder)
            return
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder or "."):
            pass
    except OSError as error:
        raise _unwritable(address, str(error.strerror)) from error
    if os.path.isdir(address):
        raise _unwritable(address, "it is a folder")


def _make_stored_folder(folder: str) -> None:
    import tensorflow as tf

    try:
        tf.io.gfile.makedirs(folder)
    except tf.errors.OpError as error:
        raise _unwritable(folder, error.message) from error


def _unwritable(path: str, cause: str) -> ConfigError:
    return ConfigError(f"{path} cannot be written ({cause}); choose another path for the output.")


@contextmanager
def output_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Gives a path on this machine's disk to write a file to.

    The file gets its name at the end of the block, by a rename, and not at all after an error.

    Args:
        path: Path or address of the file; its folder is made if necessary.

    Yields:
        A path with the same extension.

    Raises:
        ConfigError: The file cannot be written.
        OSError: The disk failed.
        tf.errors.OpError: The storage failed.
    """
    check_output(path)
    address = os.fspath(path)
    name = posixpath.basename(address)
    folder = address.removesuffix(name)
    # The extension stays last, since writers choose a format by it.
    stem, extension = posixpath.splitext(name)
    draft = f".{stem}.partial{extension}"
    if "://" in address:
        with tempfile.TemporaryDirectory() as scratch:
            yield (local := Path(scratch, draft))
            _upload(local, folder, draft, name)
        return
    partial = Path(folder, draft)
    try:
        yield partial
        partial.replace(address)
    finally:
        partial.unlink(missing_ok=True)


def _upload(local: Path, folder: str, draft: str, name: str) -> None:
    import tensorflow as tf

    tf.io.gfile.copy(str(local), folder + draft, overwrite=True)
    tf.io.gfile.rename(folder + draft, folder + name, overwrite=True)
