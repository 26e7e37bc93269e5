"""Batches of clips with a limited number of windows."""

from collections.abc import Callable
from typing import Any

import apache_beam as beam

WINDOWS_A_BATCH = 256


class BatchByWindows(beam.PTransform):
    """Batches serialized clips by their windows, because the number of clips does not limit memory.

    A batch has at most `WINDOWS_A_BATCH` windows, or is one clip.

    Args:
        window_bytes: Size of one window in a serialized clip.
        bytes_of: Function from an element to the size of its serialized clip.
    """

    def __init__(self, window_bytes: int, bytes_of: Callable[[Any], int] = len):
        super().__init__()
        self._window_bytes = window_bytes
        self._bytes_of = bytes_of

    def expand(self, clips: beam.PCollection) -> beam.PCollection:
        """Adds the step to the pipeline."""
        return clips | beam.BatchElements(
            WINDOWS_A_BATCH, WINDOWS_A_BATCH, element_size_fn=self._windows_of
        )

    def _windows_of(self, clip: Any) -> int:
        return max(self._bytes_of(clip) // self._window_bytes, 1)
