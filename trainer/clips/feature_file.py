"""Features on disk that are read like an array, so that training does not hold them in memory."""

import errno
import os
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from vggish.errors import ConfigError

_BLOCK_NUMBERS = 1 << 22
"""Numbers of a block of rows: 16 MB."""
_ITEM = np.dtype(np.float32).itemsize


class FeatureFile:
    """Rows of float32 in a file without a name, which the system deletes with the process.

    Rows are read and written, not mapped: mapped pages would count as memory of the process. Pages
    that the system caches do not, and give way where memory is short.

    Args:
        folder: Local folder of the file; None: the one for temporary files.
        size: Numbers of a row, D.
    """

    def __init__(self, folder: str | None, size: int):
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  It lives as long as this.
        self._size = size
        self._rows = 0

    @property
    def shape(self) -> tuple[int, int]:
        """The number of rows, and the numbers of a row."""
        return self._rows, self._size

    def __len__(self) -> int:
        """The number of rows."""
        return self._rows

    def write(self, places: np.ndarray, rows: np.ndarray) -> None:
        """Writes rows.

        Args:
            places: Numbers of the rows, int [rows].
            rows: float32 [rows, D].

        Raises:
            ConfigError: The disk is full.
        """
        for place, row in zip(places.tolist(), np.ascontiguousarray(rows, np.float32), strict=True):
            try:
                os.pwrite(self._file.fileno(), row, place * self._size * _ITEM)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                raise ConfigError(
                    f"The disk is full after {len(self):,} rows of {self._size:,} features for the "
                    "training; make room in the output folder, or, if that is remote, let TMPDIR "
                    "name a larger disk."
                ) from error
        self._rows = max(self._rows, 1 + int(places.max(initial=-1)))

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        """Reads adjacent rows, or rows by their numbers, float32 [rows, D]."""
        if isinstance(rows, slice):
            begin, end, _ = rows.indices(self._rows)
            return self._read(begin, max(0, end - begin))
        result = np.empty([len(rows), self._size], np.float32)
        for filled, number in zip(result, rows.tolist(), strict=True):
            filled[:] = self._read(number, 1)[0]
        return result

    def _read(self, begin: int, rows: int) -> np.ndarray:
        step = self._size * _ITEM
        read = os.pread(self._file.fileno(), rows * step, begin * step)
        return np.frombuffer(read, np.float32).reshape(rows, self._size)


class SelectedRows:
    """Some rows of other features, which are read when they are needed.

    Args:
        features: The other features, [all, D].
        rows: Numbers of the rows, int [rows].
    """

    def __init__(self, features: "Features", rows: np.ndarray):
        self._features = features
        self._rows = rows

    @property
    def shape(self) -> tuple[int, int]:
        """The number of rows, and the numbers of a row."""
        return len(self._rows), self._features.shape[1]

    def __len__(self) -> int:
        """The number of rows."""
        return len(self._rows)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        """Reads adjacent rows, or rows by their numbers, float32 [rows, D]."""
        read: np.ndarray = self._features[self._rows[rows]]
        return read


type Features = np.ndarray[Any, Any] | FeatureFile | SelectedRows
"""Rows of features, float32 [rows, D], in memory or on disk."""


def row_blocks(features: Features, rows: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """Reads features a block at a time, so that no more than a block is in memory.

    Args:
        features: Rows, [all, D].
        rows: Numbers of the rows to read, in their order; None: all.
    """
    step = max(1, _BLOCK_NUMBERS // features.shape[1])
    for begin in range(0, len(features) if rows is None else len(rows), step):
        block = slice(begin, begin + step)
        yield features[block if rows is None else rows[block]]
