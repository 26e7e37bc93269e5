"""The vectors of rows, as one float32 matrix, and what is wrong with rows that have none."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.audio_example_gen.sources.embedding_tables.table_columns import TableColumns
from components.file_trees.refusals import Reject


@dataclass(frozen=True)
class RowVectors:
    """The vectors of a batch of rows.

    Attributes:
        windows: Vectors of all rows, float32 [w, D].
        lengths: Number of vectors of each row, int64 [rows].
        bad: Whether a row has a fault, bool [rows].
        fault: Function from a bad row of the batch to its fault; the detail continues "row 7 of
            table.csv has".
    """

    windows: np.ndarray
    lengths: np.ndarray
    bad: np.ndarray
    fault: Callable[[int], Reject]

    @cached_property
    def starts(self) -> np.ndarray:
        """Place of each row's first vector, and the number of vectors, int64 [rows + 1]."""
        return np.concatenate([[0], np.cumsum(self.lengths)])


def read_vectors(batch: pa.RecordBatch, columns: TableColumns, size: int) -> RowVectors:
    """Reads the vectors of a batch.

    Args:
        batch: Rows with the columns of vectors.
        columns: The columns.
        size: Numbers of a vector, D.

    Returns:
        The vectors; rows with a fault have NaN, or no vector.
    """
    if columns.vectors != (columns.vectors[0],) or not pa.types.is_nested(
        batch.schema.field(columns.vectors[0]).type
    ):
        return _of_columns(batch, columns)
    return _of_lists(batch.column(columns.vectors[0]), columns.vectors[0], size)


def _of_columns(batch: pa.RecordBatch, columns: TableColumns) -> RowVectors:
    windows = np.empty([batch.num_rows, len(columns.vectors)], np.float32)
    for place, name in enumerate(columns.vectors):
        windows[:, place] = _numbers(batch.column(name))

    def fault(row: int) -> Reject:
        place = int(np.flatnonzero(~np.isfinite(windows[row]))[0])
        value = batch.column(columns.vectors[place])[row].as_py()
        return _fault_of(value, f"the column {columns.vectors[place]}")

    bad = np.asarray(~np.isfinite(windows).all(axis=1))
    return RowVectors(windows, np.ones(batch.num_rows, np.int64), bad, fault)


def _numbers(column: pa.Array) -> np.ndarray:
    """Returns a column as float32; NaN where it has no number."""
    try:
        # Arrow refuses a whole number that float32 rounds.
        numbers = pc.cast(column, pa.float32(), safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        numbers = pa.array([_number(value) for value in column.to_pylist()], pa.float32())
    found: np.ndarray = numbers.to_numpy(zero_copy_only=False)
    return found


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _fault_of(value: Any, where: str) -> Reject:
    if value is None:
        return Reject("missing_value", f"no value in {where}")
    try:
        float(value)
    except (TypeError, ValueError):
        return Reject("not_a_number", f"{value!r} in {where}, which is no number")
    return Reject("non_finite", f"{value} in {where}, which is no finite float32 number")


def _of_lists(column: pa.Array, name: str, size: int) -> RowVectors:
    """Reads lists of numbers, which are vectors, or lists of such lists, which are windows."""
    vectors, lengths = column, np.ones(len(column), np.int64)
    if pa.types.is_nested(column.type.value_type):
        vectors = pc.list_flatten(column)
        lengths = _lengths(column)
    sizes = _lengths(vectors)
    flat = pc.cast(pc.list_flatten(vectors), pa.float32(), safe=False)
    values = flat.to_numpy(zero_copy_only=False)
    fits = sizes == size
    windows = np.full([len(sizes), size], np.nan, np.float32)
    windows[fits] = values[np.repeat(fits, sizes)].reshape(-1, size)
    is_bad = np.asarray(~np.isfinite(windows).all(axis=1))
    ends = np.cumsum(lengths)
    bad_before = np.concatenate([[0], np.cumsum(is_bad)])
    bad = (bad_before[ends] > bad_before[ends - lengths]) | (lengths == 0)

    def fault(row: int) -> Reject:
        if not lengths[row]:
            return Reject("missing_value", f"no vector in the column {name}")
        window = next(w for w in range(ends[row] - lengths[row], ends[row]) if is_bad[w])
        if vectors[window].as_py() is None:
            return Reject("missing_value", f"no vector in the column {name}")
        if not fits[window]:
            return Reject(
                "wrong_size",
                f"a vector of {sizes[window]} numbers in the column {name}, but others have {size}",
            )
        place = int(np.flatnonzero(~np.isfinite(windows[window]))[0])
        value = vectors[window].as_py()[place]
        return _fault_of(value, f"place {place} of the column {name}")

    return RowVectors(windows, lengths, bad, fault)


def _lengths(lists: pa.Array) -> np.ndarray:
    found: np.ndarray = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
    return found.astype(np.int64)
