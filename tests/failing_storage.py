"""TensorFlow's file systems, which fail on request."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import tensorflow as tf


class FailingStorage:
    """Stands where TensorFlow's Python code, and with it TFX's, calls its file systems.

    Args:
        calls: TensorFlow's calls.
    """

    def __init__(self, calls: ModuleType):
        self._calls = calls
        self.error: Exception | None = None
        """What every call raises from now on; None: it works."""
        self.failed: list[str] = []
        """The calls that failed."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self._calls, name)

        def fail_or_call(*arguments: Any) -> Any:
            if self.error is not None:
                self.failed.append(name)
                raise self.error
            return call(*arguments)

        return fail_or_call


OUTAGE = tf.errors.UnavailableError(None, None, "the bucket is away")
