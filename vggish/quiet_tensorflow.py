"""Importing TensorFlow without its messages."""

import os
import sys


def import_tensorflow_quietly() -> None:
    """Imports TensorFlow without its messages on the standard error.

    TensorFlow 2.21 reports there that it found no GPU, even if its log is turned off. Its C++ code
    writes to the file descriptor, not to Python's object, so the descriptor is redirected.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        import tensorflow  # noqa: F401
    finally:
        sys.stderr.flush()
        os.dup2(saved, 2)
        os.close(saved)
