"""The whole content of a weights file."""

import tensorflow as tf

from vggish.errors import CheckpointError


def read_content(path: str) -> bytes:
    """Reads a file on any file system that TensorFlow knows.

    Args:
        path: Path of the file.

    Raises:
        CheckpointError: There is no such file.
        tf.errors.OpError: The storage failed, and may work again later.
    """
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            return file.read()
    except (
        tf.errors.NotFoundError,
        tf.errors.FailedPreconditionError,  # The path is a folder.
    ) as error:
        raise CheckpointError(f"There is no file {path}; check the path.") from error
