"""Output files on the disk, and in every storage that TensorFlow knows, such as `gs://`."""

import os
import posixpath
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def output_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Gives a path on this machine's disk to write a file to.

    The file gets its name at the end of the block, by a rename, and not at all after an error.

    Args:
        path: Path or address of the file; its folder is made if necessary.

    Yields:
        A path with the same extension.

    Raises:
        OSError: The disk failed.
        tf.errors.OpError: The storage failed.
    """
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
    Path(folder).mkdir(parents=True, exist_ok=True)
    partial = Path(folder, draft)
    try:
        yield partial
        partial.replace(address)
    finally:
        partial.unlink(missing_ok=True)


def _upload(local: Path, folder: str, draft: str, name: str) -> None:
    import tensorflow as tf

    tf.io.gfile.makedirs(folder)
    tf.io.gfile.copy(str(local), folder + draft, overwrite=True)
    tf.io.gfile.rename(folder + draft, folder + name, overwrite=True)
