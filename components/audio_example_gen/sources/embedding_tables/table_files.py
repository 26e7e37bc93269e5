"""Tables of every format as Arrow batches: CSV, TSV, Parquet and NumPy archives.

A table is never in memory as a whole, except the arrays of an archive.
"""

import csv
import posixpath
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from vggish.errors import DataSetError

EMBEDDING_TABLES = (".csv", ".tsv", ".parquet", ".npz")
"""Extensions of tables of embeddings."""

ARRAY_OF_VECTORS = "embeddings"
"""Array of an archive with a vector a clip [clips, D], or a window [clips, n, D]; or [windows, D],
if the array `row_splits` [clips + 1] says where the windows of each clip begin and end."""

_ROW_SPLITS = "row_splits"
_ROWS_A_BATCH = 1024
_CSV_BLOCK_BYTES = 8 << 20


@dataclass(frozen=True)
class TableFile:
    """An open table.

    Attributes:
        schema: Names and types of its columns; those of a CSV file are texts.
        read: Function from names of columns to batches of their rows.
    """

    schema: pa.Schema
    read: Callable[[Sequence[str]], Iterator[pa.RecordBatch]]


def open_table(path: str, name: str, delimiter: str | None = None) -> TableFile:
    """Opens a table.

    Args:
        path: Path on this machine.
        name: The table's name, for messages and by whose extension the format is known.
        delimiter: Separator of the columns of a text; None: tab for .tsv, else comma.

    Returns:
        The table.

    Raises:
        DataSetError: It is not such a table. Broken rows are found while they are read.
    """
    extension = posixpath.splitext(name)[1].lower()
    if extension == ".parquet":
        return _open_parquet(path, name)
    if extension == ".npz":
        return _open_archive(path, name)
    if extension in (".csv", ".tsv"):
        return _open_text(path, name, delimiter or ("\t" if extension == ".tsv" else ","))
    raise DataSetError(
        f"{name} is no table of embeddings; its name must end with one of "
        f"{', '.join(EMBEDDING_TABLES)}."
    )


def _open_text(path: str, name: str, delimiter: str) -> TableFile:
    try:
        with open(path, encoding="utf-8-sig", newline="") as lines:
            names = next(csv.reader(lines, delimiter=delimiter, strict=True), [])
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataSetError(f"{name} is no CSV file in UTF-8: {error}.") from error
    twice = next((column for column in names if names.count(column) > 1), None)
    if twice is not None or not names:
        what = "no columns" if twice is None else f"two columns {twice!r}"
        raise DataSetError(f"{name} has {what}; its first line must name the columns.")
    faults: list[str] = []

    def note(row: Any) -> str:
        faults.append(_fault_of(row))
        return "error"

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        convert = pa.csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()),
            include_columns=columns,
            null_values=[""],
            strings_can_be_null=True,
        )
        parse = pa.csv.ParseOptions(
            delimiter=delimiter,
            newlines_in_values=True,
            invalid_row_handler=note,
        )
        # Without threads, Arrow counts the rows.
        options = pa.csv.ReadOptions(use_threads=False, block_size=_CSV_BLOCK_BYTES)
        try:
            yield from pa.csv.open_csv(
                path, read_options=options, parse_options=parse, convert_options=convert
            )
        except pa.ArrowException as error:
            fault = faults[-1] if faults else f"is broken: {error}; correct it"
            raise DataSetError(f"{name} {fault}.") from error

    return TableFile(pa.schema([(column, pa.string()) for column in names]), read)


def _fault_of(row: Any) -> str:
    # Arrow counts the header.
    return (
        f"has {row.actual_columns} values in row {row.number - 1}, but {row.expected_columns} "
        "columns; correct the row, or set `delimiter` to what separates the columns"
    )


def _open_parquet(path: str, name: str) -> TableFile:
    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        try:
            yield from pa.parquet.ParquetFile(path).iter_batches(_ROWS_A_BATCH, columns=columns)
        except (pa.ArrowException, OSError) as error:
            raise DataSetError(f"{name} is a damaged Parquet file: {error}.") from error

    try:
        return TableFile(pa.parquet.read_schema(path), read)
    except pa.ArrowException as error:
        raise DataSetError(f"{name} is not a Parquet file: {error}.") from error


def _open_archive(path: str, name: str) -> TableFile:
    try:
        with zipfile.ZipFile(path) as archive:
            found = {
                member.removesuffix(".npy"): _read_header(archive, member)
                for member in archive.namelist()
            }
    except (zipfile.BadZipFile, ValueError) as error:
        raise DataSetError(f"{name} is not an archive of NumPy arrays: {error}.") from error
    vectors = found.pop(ARRAY_OF_VECTORS, None)
    if vectors is None or len(vectors[0]) not in (2, 3):
        which = "no" if vectors is None else f"of the shape {list(vectors[0])} the"
        raise DataSetError(
            f"{name} has {which} array {ARRAY_OF_VECTORS!r}; it must be [clips, D] or "
            "[clips, n, D]."
        )
    shape, _ = vectors
    splits = found.pop(_ROW_SPLITS, None)
    clips = shape[0] if splits is None else splits[0][0] - 1
    for key, (of_key, kind) in found.items():
        if kind.hasobject:
            raise DataSetError(
                f"The array {key!r} of {name} holds Python objects, which are not loaded; save it "
                "as texts or numbers, such as with .astype(str)."
            )
        if of_key != (clips,):
            raise DataSetError(
                f"The array {key!r} of {name} has the shape {list(of_key)}, but there are {clips} "
                f"clips; it must be [{clips}]."
            )
    types = {
        key: pa.string() if kind.kind in "US" else pa.float64() for key, (_, kind) in found.items()
    }
    vector = pa.list_(pa.float32(), shape[-1])
    types[ARRAY_OF_VECTORS] = vector if len(shape) == 2 and splits is None else pa.list_(vector)
    schema = pa.schema(types)

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        with np.load(path, allow_pickle=False) as arrays:
            some = [_to_arrow(arrays, column, schema.field(column).type) for column in columns]
        table = pa.Table.from_arrays(some, columns)
        yield from table.to_batches(_ROWS_A_BATCH)

    return TableFile(schema, read)


def _read_header(archive: zipfile.ZipFile, member: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Reads the shape and the type of an array, not its values."""
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, _, kind = read(file)
        return shape, kind


def _to_arrow(arrays: Any, name: str, kind: pa.DataType) -> pa.Array:
    values = arrays[name]
    if name != ARRAY_OF_VECTORS:
        return pa.array(values.astype(str) if pa.types.is_string(kind) else values, kind)
    flat = pa.array(values.astype(np.float32, copy=False).ravel())
    vectors = pa.FixedSizeListArray.from_arrays(flat, values.shape[-1])
    if pa.types.is_fixed_size_list(kind):
        return vectors
    if _ROW_SPLITS in arrays:
        splits = arrays[_ROW_SPLITS]
    else:
        splits = np.arange(0, values.shape[0] * values.shape[1] + 1, values.shape[1])
    return pa.ListArray.from_arrays(pa.array(splits.astype(np.int32)), vectors)
