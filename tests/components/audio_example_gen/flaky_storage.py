"""A storage of TensorFlow that fails on request."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf


class FlakyStorage:
    """Makes a share of the calls on one address fail.

    Attributes:
        failures: Number of the calls that failed.
    """

    def __init__(self, patch: pytest.MonkeyPatch, address: str, share: float, error: type):
        self.failures = 0
        self._address = address
        self._share = share
        self._error = error
        self._random = np.random.default_rng(1)
        for name in ("stat", "listdir", "GFile", "isdir", "exists"):
            patch.setattr(tf.io.gfile, name, self._failing(getattr(tf.io.gfile, name)))

    def _failing(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(path: Any, *args: Any, **options: Any) -> Any:
            if str(path).startswith(self._address) and self._random.random() < self._share:
                self.failures += 1
                raise self._error(None, None, "no answer")
            return call(path, *args, **options)

        return wrapper


def upload(folder: Path, address: str) -> None:
    for path in (path for path in folder.rglob("*") if path.is_file()):
        target = f"{address}/{path.relative_to(folder).as_posix()}"
        tf.io.gfile.makedirs(target.rpartition("/")[0])
        with tf.io.gfile.GFile(target, "wb") as file:
            file.write(path.read_bytes())
