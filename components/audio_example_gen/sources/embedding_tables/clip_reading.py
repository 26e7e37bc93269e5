"""Reading the clips of a table of embeddings, a batch of rows at a time."""

import collections
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from components.audio_example_gen.sources.embedding_tables.clip_rows import ClipRows
from components.audio_example_gen.sources.embedding_tables.row_vectors import (
    RowVectors,
    read_vectors,
)
from components.audio_example_gen.sources.embedding_tables.table_columns import find_columns
from components.audio_example_gen.sources.embedding_tables.table_files import open_table
from components.file_trees.refusals import Reject
from schema.config.source_settings import TableSettings
from vggish.errors import DataSetError


@dataclass(frozen=True)
class TableVectors:
    """The vectors of a clip.

    Attributes:
        last_row: Its last row, counted from 0.
        windows: Its vectors in the order of time, float32 [n, D].
        refused: Why they cannot be used, or None.
    """

    last_row: int
    windows: np.ndarray
    refused: Reject | None


class OpenClips:
    """A table with the rows of clips.

    Args:
        path: Path on this machine.
        name: Name of the table.
        table: Its settings.
        labelled: Whether it must have labels.

    Raises:
        DataSetError: It is no table of embeddings.
    """

    def __init__(self, path: str, name: str, table: TableSettings, *, labelled: bool = True):
        self._name = name
        self._table = open_table(path, name, table.delimiter)
        self._columns = find_columns(self._table.schema, table, name, labelled=labelled)

    @cached_property
    def rows(self) -> ClipRows:
        """What the rows say, but for their vectors."""
        return ClipRows(self._table, self._columns, self._name)

    @cached_property
    def size(self) -> int:
        """Numbers of a vector, D."""
        if self._columns.size is not None:
            return self._columns.size
        # Lists of no fixed size: the first vector tells.
        for batch in self._table.read(self._columns.vectors):
            for row in batch.column(0):
                value = row.as_py()
                while value and isinstance(value[0], list):
                    value = value[0]
                if value:
                    return len(value)
        raise DataSetError(f"{self._name} has no vector in the column {self._columns.vectors[0]}.")

    def vectors(self) -> Iterator[TableVectors]:
        """Yields the vectors of every clip, in the order of their last rows.

        In memory are a batch of rows, and the clips of which rows are still to come.
        """
        rows = self.rows
        waiting: dict[int, list[_Part]] = collections.defaultdict(list)
        begin = 0
        for batch in self._table.read(self._columns.vectors):
            vectors = read_vectors(batch, self._columns, self.size)
            for first, end in _runs(rows.clip_of_row[begin : begin + batch.num_rows]):
                clip, last = int(rows.clip_of_row[begin + first]), begin + end - 1
                whole = last == rows.last_row[clip]
                waiting[clip].append(self._part(vectors, first, end, begin, copy=not whole))
                if whole:
                    yield self._join(waiting.pop(clip), last)
            begin += batch.num_rows

    def _part(
        self, vectors: RowVectors, first: int, end: int, begin: int, *, copy: bool
    ) -> "_Part":
        """Takes rows of a batch; a copy does not keep the whole batch in memory."""
        windows = vectors.windows[vectors.starts[first] : vectors.starts[end]]
        bad = np.flatnonzero(vectors.bad[first:end])
        refused = None
        if len(bad):
            row = first + int(bad[0])
            fault = vectors.fault(row)
            detail = f"row {begin + row + 1} of {self._name} has {fault.detail}"
            refused = Reject(fault.reason, detail)
        row_of_window = np.repeat(np.arange(begin + first, begin + end), vectors.lengths[first:end])
        return _Part(row_of_window, windows.copy() if copy else windows, refused)

    def _join(self, parts: list["_Part"], last_row: int) -> TableVectors:
        windows = np.concatenate([part.windows for part in parts])
        if self.rows.times is not None:
            row_of_window = np.concatenate([part.row_of_window for part in parts])
            windows = windows[np.argsort(self.rows.times[row_of_window], kind="stable")]
        refused = next((part.refused for part in parts if part.refused), None)
        return TableVectors(last_row, windows, refused)


@dataclass(frozen=True)
class _Part:
    """Rows of a clip that follow each other.

    Attributes:
        row_of_window: Number of each window's row, int64 [w].
        windows: float32 [w, D].
        refused: What is wrong with the first bad row, or None.
    """

    row_of_window: np.ndarray
    windows: np.ndarray
    refused: Reject | None


def _runs(clip_of_row: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yields the first row of each run of equal clips, and the row after its last."""
    changes = np.flatnonzero(np.diff(clip_of_row)) + 1
    yield from itertools.pairwise([0, *changes.tolist(), len(clip_of_row)])
