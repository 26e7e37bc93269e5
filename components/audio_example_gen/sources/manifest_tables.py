"""Reading the tables of a manifest."""

import csv
import io
import posixpath
from collections.abc import Iterator
from typing import Any

from schema.config.source_settings import TableSettings
from vggish.errors import DataSetError

Row = dict[str, Any]
"""The values of a row by column: texts, lists of texts (only in Parquet) or None."""

DELIMITERS = (",", "\t", ";", "|")
"""What may separate columns."""

_TAB_EXTENSIONS = (".tsv", ".tab", ".txt")


def read_table(
    content: bytes, settings: TableSettings
) -> tuple[list[str], Iterator[tuple[int, Row]]]:
    """Reads a table.

    Args:
        content: Content of the file.
        settings: The table's settings.

    Returns:
        The names of the columns, and the rows, each with the number of its line in the file (in a
        Parquet file, the number of the row), counted from 1.

    Raises:
        DataSetError: It is not such a table. Broken lines are found while the rows are read.
    """
    if content.startswith(b"PAR1"):
        return _read_parquet(content, settings)
    return _read_text(content, settings)


def _read_parquet(
    content: bytes, settings: TableSettings
) -> tuple[list[str], Iterator[tuple[int, Row]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(content))
    except pa.ArrowException as error:
        raise DataSetError(f"{settings.file} is not a Parquet file: {error}.") from error
    rows = ({name: _text(value) for name, value in row.items()} for row in table.to_pylist())
    return table.column_names, enumerate(rows, start=1)


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [str(item) for item in value if item is not None]
    return None if value is None else str(value)


def _read_text(
    content: bytes, settings: TableSettings
) -> tuple[list[str], Iterator[tuple[int, Row]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataSetError(
            f"{settings.file} is not UTF-8 (byte {error.start}); save it as UTF-8."
        ) from error
    extension = posixpath.splitext(settings.file)[1].lower()
    delimiter = settings.delimiter or ("\t" if extension in _TAB_EXTENSIONS else ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    if settings.columns is not None:
        names = list(settings.columns)
    else:
        names = next(_lines(reader, settings), [])
        _check_delimiter(names, delimiter, settings)
    return names, _rows(reader, names, settings)


def _check_delimiter(names: list[str], delimiter: str, settings: TableSettings) -> None:
    """Refuses a table of one column that looks like several with another separator."""
    if len(names) == 1:
        other = max(DELIMITERS, key=names[0].count)
        if other in names[0]:
            raise DataSetError(
                f"{settings.file} has one column, {names[0]!r}, if {delimiter!r} separates them; "
                f"set `delimiter` of the table to {other!r}."
            )


def _rows(reader: Any, names: list[str], settings: TableSettings) -> Iterator[tuple[int, Row]]:
    for values in _lines(reader, settings):
        if not any(values):
            continue
        if len(values) != len(names):
            raise DataSetError(
                f"{settings.file} has {len(values)} values in line {reader.line_num}, but "
                f"{len(names)} columns ({', '.join(names)}); correct the line, or set `delimiter` "
                "to the separator of the columns."
            )
        yield reader.line_num, dict(zip(names, (value.strip() for value in values), strict=True))


def _lines(reader: Any, settings: TableSettings) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise DataSetError(
            f"{settings.file} is broken in line {reader.line_num}: {error}; correct the line."
        ) from error
