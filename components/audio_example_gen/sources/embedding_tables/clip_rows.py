"""Which rows of a table are a clip, and what they say of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.audio_example_gen.sources.embedding_tables.table_columns import TableColumns
from components.audio_example_gen.sources.embedding_tables.table_files import TableFile
from components.file_trees.refusals import Reject

_JOINED = "\x1f"
"""Stands between the labels of a list while they are one text."""


@dataclass(frozen=True)
class TableClip:
    """What the rows of a clip say of it, but for its vectors.

    Attributes:
        clip_id: Name of the clip.
        last_row: Its last row, counted from 0.
        labels: Its labels.
        group, fold, said_split: Values of these columns, or None.
        refused: Why its rows cannot be used, or None.
    """

    clip_id: str
    last_row: int
    labels: tuple[str, ...]
    group: str | None
    fold: str | None
    said_split: str | None
    refused: Reject | None


class ClipRows:
    """The rows of a table by clip.

    Rows of one name are the windows of one clip. Only what is said of rows is in memory, as Arrow
    columns, not their vectors.

    Args:
        table: The table.
        columns: Its columns.
        name: Its name.

    Attributes:
        clip_of_row: Number of each row's clip, int64 [rows].
        last_row: Last row of each clip, int64 [clips].
        times: Time of each row, float64 [rows]; None if rows are in the order of time.
    """

    def __init__(self, table: TableFile, columns: TableColumns, name: str):
        self._columns, self._name = columns, name
        heads = columns.heads or list(columns.vectors[:1])
        batches = list(table.read(heads))
        schema = (
            batches[0].schema
            if batches
            else pa.schema({h: table.schema.field(h).type for h in heads})
        )
        self._heads = pa.Table.from_batches(batches, schema)
        rows = len(self._heads)
        self.clip_of_row = self._find_clips(rows)
        clips = int(self.clip_of_row.max(initial=-1)) + 1
        self._first_row, self.last_row = np.zeros([2, clips], np.int64)
        self.last_row[self.clip_of_row] = np.arange(rows)
        self._first_row[self.clip_of_row[::-1]] = np.arange(rows)[::-1]
        self.times = None if columns.time is None else self._read_times(columns.time)

    def _find_clips(self, rows: int) -> np.ndarray:
        """Returns the number of each row's clip."""
        if self._columns.fname is None:
            return np.arange(rows)
        codes = _codes(self._texts(self._columns.fname))
        nameless = np.flatnonzero(codes < 0)
        codes[nameless] = codes.max(initial=-1) + 1 + np.arange(len(nameless))
        return codes

    def _read_times(self, column: str) -> np.ndarray:
        texts = self._heads[column]
        try:
            times = pc.cast(texts, pa.float64()).to_numpy()
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            values = [_number(text) for text in texts.to_pylist()]
            times = np.array(values, np.float64)
        return np.asarray(times, np.float64)

    def _texts(self, column: str) -> pa.ChunkedArray:
        """Returns a column as texts without spaces around them; null if nothing is left."""
        values = self._heads[column]
        if pa.types.is_nested(values.type):
            values = pa.chunked_array(
                [
                    pc.binary_join(part.cast(pa.list_(pa.string())), _JOINED)
                    for part in values.chunks
                ],
                pa.string(),
            )
        texts = pc.utf8_trim_whitespace(values.cast(pa.string()))
        return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)

    def clips(self, label_separator: str | None) -> Iterator[TableClip]:
        """Yields the clips in the order of their last rows.

        Args:
            label_separator: Separator of the labels of a clip; None: it has one, or a list.
        """
        columns = self._columns
        said = {
            key: column
            for key, column in (
                ("labels", columns.labels),
                ("group", columns.group),
                ("fold", columns.fold),
                ("split", columns.split),
            )
            if column is not None
        }
        faults = self._faults(said)
        order = np.argsort(self.last_row)
        first = pa.array(self._first_row[order])
        values = {key: self._texts(column).take(first).to_pylist() for key, column in said.items()}
        nothing = [None] * len(order)
        is_list = columns.labels and pa.types.is_nested(self._heads[columns.labels].type)
        separator = _JOINED if is_list else label_separator
        names = self._texts(columns.fname).take(first).to_pylist() if columns.fname else nothing
        for place, clip in enumerate(order):
            row = int(self._first_row[clip])
            yield TableClip(
                clip_id=names[place] or f"{self._name}#row={row + 1}",
                last_row=int(self.last_row[clip]),
                labels=_split(values.get("labels", nothing)[place], separator),
                group=values.get("group", nothing)[place],
                fold=values.get("fold", nothing)[place],
                said_split=values.get("split", nothing)[place],
                refused=self._nameless(row, names[place]) or faults.get(int(clip)),
            )

    def _nameless(self, row: int, name: str | None) -> Reject | None:
        if self._columns.fname is None or name is not None:
            return None
        return Reject(
            "missing_value",
            f"row {row + 1} of {self._name} has no value in the column {self._columns.fname}",
        )

    def _faults(self, said: dict[str, str]) -> dict[int, Reject]:
        """Finds clips whose rows contradict each other, or have no time or the same time."""
        faults: dict[int, Reject] = {}
        first = self._first_row[self.clip_of_row]
        if len(self.last_row) < len(self.clip_of_row):
            for column in said.values():
                texts = self._texts(column)
                codes = _codes(texts)
                for row in np.flatnonzero(codes != codes[first]).tolist():
                    conflict = self._conflict(column, texts, int(first[row]), row)
                    faults.setdefault(int(self.clip_of_row[row]), conflict)
        if self.times is not None:
            self._find_faults_of_time(self.times, faults)
        return faults

    def _conflict(self, column: str, texts: pa.ChunkedArray, first: int, row: int) -> Reject:
        one, other = (str(texts[r].as_py()).replace(_JOINED, ",") for r in (first, row))
        return Reject(
            "conflict",
            f"rows {first + 1} and {row + 1} of {self._name} have the same name, but {one!r} and "
            f"{other!r} in the column {column}",
        )

    def _find_faults_of_time(self, times: np.ndarray, faults: dict[int, Reject]) -> None:
        column = self._columns.time
        for row in np.flatnonzero(~np.isfinite(times)):
            value = self._heads[column][int(row)].as_py()
            what = "no value" if value is None else repr(value)
            reason = "missing_value" if value is None else "not_a_number"
            faults.setdefault(
                int(self.clip_of_row[row]),
                Reject(reason, f"row {row + 1} of {self._name} has {what} in the column {column}"),
            )
        order = np.lexsort((times, self.clip_of_row))
        before, after = order[:-1], order[1:]
        same = (self.clip_of_row[before] == self.clip_of_row[after]) & (
            times[before] == times[after]
        )
        for one, other in zip(before[same], after[same], strict=True):
            faults.setdefault(
                int(self.clip_of_row[one]),
                Reject(
                    "conflict",
                    f"rows {one + 1} and {other + 1} of {self._name} have the same name and the "
                    f"same value in the column {column}, {times[one]:g}",
                ),
            )


def _codes(texts: pa.ChunkedArray) -> np.ndarray:
    """Numbers texts in the order in which they appear; -1 for null."""
    indices = texts.combine_chunks().dictionary_encode().indices
    found: np.ndarray = indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return found.astype(np.int64)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _split(text: str | None, separator: str | None) -> tuple[str, ...]:
    labels = (text or "").split(separator) if separator else [text or ""]
    return tuple(dict.fromkeys(label.strip() for label in labels if label.strip()))
