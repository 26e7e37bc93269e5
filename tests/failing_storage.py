"""TensorFlow's file systems, which fail on request."""

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import tensorflow as tf


class FailingStorage:
    """Stands where TensorFlow's Python code, and with it TFX's, calls its file systems.

    Args:
        calls: TensorFlow's calls.
    """

    def __init__(self, calls: ModuleType):
        self._calls = calls
        self._random = np.random.default_rng(1)
        self.error: Exception | None = None
        """What calls raise from now on; None: they work."""
        self.share = 1.0
        """The share of the calls that fail, drawn with a seed."""
        self.below = ""
        """Only calls on paths that begin so fail."""
        self.failed: list[str] = []
        """The calls that failed."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self._calls, name)

        def fail_or_call(*arguments: Any) -> Any:
            concerned = os.fsdecode(arguments[0]).startswith(self.below)
            if self.error and concerned and self._random.random() < self.share:
                self.failed.append(name)
                raise self.error
            return call(*arguments)

        return fail_or_call


OUTAGE = tf.errors.UnavailableError(None, None, "the bucket is away")


def upload(folder: Path, address: str) -> None:
    for path in (path for path in folder.rglob("*") if path.is_file()):
        target = f"{address}/{path.relative_to(folder).as_posix()}"
        tf.io.gfile.makedirs(target.rpartition("/")[0])
        with tf.io.gfile.GFile(target, "wb") as file:
            file.write(path.read_bytes())
