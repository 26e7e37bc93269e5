"""Reading events, or annotations of recordings, from the forms that people have them in."""

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from vggish.errors import AnnotationError

_NEEDED = ("start", "end", "label")
_FILE_COLUMNS = ("file", "recording")
_COLUMNS = {
    "file": "file", "start": "start", "end": "end", "label": "label", "score": "score",
    "low_hz": "low_hz", "high_hz": "high_hz",
}  # fmt: skip
_RAVEN_COLUMNS = {
    "file": "Begin File", "start": "Begin Time (s)", "end": "End Time (s)", "label": "Label",
    "score": "Score", "low_hz": "Low Freq (Hz)", "high_hz": "High Freq (Hz)",
}  # fmt: skip
_RAVEN_OFFSET, _RAVEN_NUMBER = "File Offset (s)", "Selection"
_RAVEN_LABELS = ("Label", "Annotation", "Species", "Common Name")
_TEXT_ENCODINGS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(frozen=True)
class Annotation:
    """A row that says what is heard from when to when.

    Attributes:
        row: Number of the row: its line in a text file, its place in a Parquet file; from 1.
        file: The recording, as the table names it; None if the table has no such column.
        start: Start in seconds since the start of the recording.
        end: End in seconds.
        label: Class name.
        score: Score, or None.
        low_hz: Lower bound of the frequency in Hz, or None.
        high_hz: Upper bound of the frequency in Hz, or None.
    """

    row: int
    file: str | None
    start: float
    end: float
    label: str
    score: float | None = None
    low_hz: float | None = None
    high_hz: float | None = None


@dataclass(frozen=True)
class RowFault:
    """A row that says nothing that can be used.

    Attributes:
        row: Number of the row, as of an annotation.
        detail: What is wrong with it, without a subject.
        reason: Kind of the fault. `broken`: it cannot be split into values.
        file: The recording, as of an annotation.
    """

    row: int
    detail: str
    reason: Literal["broken", "missing_value", "not_a_number", "wrong_time"] = "broken"
    file: str | None = None


def read_annotations(
    content: bytes, name: str, columns: Mapping[str, str] | None = None
) -> Iterator[Annotation | RowFault]:
    """Reads a table of events.

    The content decides the form. Parquet, JSON lines and CSV have the columns `file` or `recording`
    (may be missing), `start`, `end`, `label`, and perhaps `score`, `low_hz` and `high_hz`.
    Selection tables of Raven have the columns that Raven gives them; the label is in `Label`,
    `Annotation`, `Species` or `Common Name`. Label tracks of Audacity have no header; that of a
    recording without events is an empty `.txt` file.

    Args:
        content: Content of the file.
        name: Name of the file in messages.
        columns: Other names of columns, by the names above; for example `{"label": "Call"}`.

    Returns:
        The annotations and the rows that are none, in their order.

    Raises:
        AnnotationError: It is no such table. Broken lines are found while the rows are read.
    """
    names = dict(columns or {})
    if content.startswith(b"PAR1"):
        return _annotations(_parquet_rows(content, name), names, name)
    text = _decode(content, name)
    begin = text.lstrip()
    if not begin and name.endswith(".txt"):
        return iter(())
    if begin.startswith("{"):
        return _annotations(_json_rows(text, name), names, name)
    first = begin.partition("\n")[0].rstrip("\r")
    if _is_label(first.split("\t")):
        return _audacity(text)
    if _RAVEN_COLUMNS["start"] in first.split("\t"):
        return _raven(_text_rows(text, "\t", name), names, name)
    delimiter = max((",", "\t", ";"), key=first.count)
    return _annotations(_text_rows(text, delimiter, name), names, name)


_Row = dict[str, Any]
_Rows = tuple[list[str], Iterator[tuple[int, _Row | RowFault]]]
"""The columns, and the rows with their numbers."""


def _decode(content: bytes, name: str) -> str:
    encoding = next((code for mark, code in _TEXT_ENCODINGS if content.startswith(mark)), None)
    try:
        return content.decode(encoding or "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise AnnotationError(f"{name} is not UTF-8 in line {line}; save it as UTF-8.") from error


def _parquet_rows(content: bytes, name: str) -> _Rows:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(content))
    except pa.ArrowException as error:
        raise AnnotationError(f"{name} is not a Parquet file: {error}.") from error
    return table.column_names, enumerate(table.to_pylist(), start=1)


def _json_rows(text: str, name: str) -> _Rows:
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]

    def rows() -> Iterator[tuple[int, _Row | RowFault]]:
        for number, line in lines:
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                row = RowFault(number, f"is not JSON: {error}")
            fault = RowFault(number, "is not a JSON object")
            yield number, row if isinstance(row, dict | RowFault) else fault

    first = next((row for _, row in rows() if isinstance(row, dict)), None)
    if first is None:
        raise AnnotationError(f"{name} holds no JSON object; write one event a line.")
    return list(first), rows()


def _text_rows(text: str, delimiter: str, name: str) -> _Rows:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [column.strip() for column in next(reader, [])]
    except csv.Error as error:
        raise AnnotationError(f"{name} is broken in line 1: {error}; correct the line.") from error

    def rows() -> Iterator[tuple[int, _Row | RowFault]]:
        while True:
            try:
                values = next(reader, None)
            except csv.Error as error:
                yield reader.line_num, RowFault(reader.line_num, f"is broken: {error}")
                continue
            if values is None:
                return
            number = reader.line_num
            if len(values) == len(header):
                yield number, dict(zip(header, (value.strip() for value in values), strict=True))
            elif any(values):
                detail = f"has {len(values)} values for {len(header)} columns"
                yield number, RowFault(number, detail)

    return header, rows()


def _annotations(
    table: _Rows, names: Mapping[str, str], name: str, defaults: Mapping[str, str] = _COLUMNS
) -> Iterator[Annotation | RowFault]:
    header, rows = table
    columns = {**defaults, **names}
    if "file" not in names and columns["file"] not in header:
        columns["file"] = next((name for name in _FILE_COLUMNS if name in header), columns["file"])
    for meaning, column in columns.items():
        if column not in header and (meaning in _NEEDED or meaning in names):
            raise AnnotationError(
                f"{name} has no column {column!r} for the {meaning} of an event; it has "
                f"{', '.join(map(repr, header)) or 'no columns'}; rename the right one."
            )
    return (
        row if isinstance(row, RowFault) else _to_annotation(number, row, columns)
        for number, row in rows
    )


def _to_annotation(number: int, row: _Row, columns: Mapping[str, str]) -> Annotation | RowFault:
    file = row.get(columns["file"])
    place = str(file) if file else None
    numbers: dict[str, float | None] = {}
    for meaning in ("start", "end", "score", "low_hz", "high_hz"):
        try:
            numbers[meaning] = _number(row.get(columns[meaning]))
        except ValueError:
            value = row[columns[meaning]]
            detail = f"has {value!r} as {columns[meaning]!r}, which is no number"
            return RowFault(number, detail, "not_a_number", place)
    start, end, label = numbers["start"], numbers["end"], row.get(columns["label"])
    if start is None or end is None:
        return RowFault(number, "has no start or no end", "missing_value", place)
    if label is None or not str(label).strip():
        return RowFault(number, "has no label", "missing_value", place)
    if end < start:
        detail = f"ends at {end:g} s, before it starts at {start:g} s"
        return RowFault(number, detail, "wrong_time", place)
    if start < 0:
        detail = f"starts at {start:g} s, before the recording"
        return RowFault(number, detail, "wrong_time", place)
    bounds = (numbers[meaning] for meaning in ("score", "low_hz", "high_hz"))
    return Annotation(number, place, start, end, str(label).strip(), *bounds)


def _number(value: Any) -> float | None:
    if value is None or value == "":
        return None
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is not finite")
    return number


def _raven(table: _Rows, names: Mapping[str, str], name: str) -> Iterator[Annotation | RowFault]:
    header, rows = table
    label = next((column for column in _RAVEN_LABELS if column in header), "Label")
    defaults = {**_RAVEN_COLUMNS, "label": label}
    begin, end = (names.get(key, defaults[key]) for key in ("start", "end"))

    def selections() -> Iterator[tuple[int, _Row | RowFault]]:
        seen = set()
        for number, row in rows:
            if isinstance(row, dict):
                # A selection has one row for each view that shows it.
                selection = row.get(_RAVEN_NUMBER)
                if selection and selection in seen:
                    continue
                seen.add(selection)
                row = _within_its_file(row, begin, end)  # noqa: PLW2901
            yield number, row

    return _annotations((header, selections()), names, name, defaults)


def _within_its_file(row: _Row, begin: str, end: str) -> _Row:
    """Counts a selection's times from the start of its file, of several that are open at once."""
    try:
        offset, start, stop = (float(row[column]) for column in (_RAVEN_OFFSET, begin, end))
    except (KeyError, ValueError):
        return row  # There is no offset; what is no number is told later.
    return {**row, begin: str(offset), end: str(round(offset + stop - start, 9))}


def _audacity(text: str) -> Iterator[Annotation | RowFault]:
    """Reads `start`, `end` and `label`; a line that begins with a backslash has the frequencies."""
    waiting: Annotation | RowFault | None = None
    columns = {**_COLUMNS, "low_hz": "low", "high_hz": "high"}
    for number, line in enumerate(text.splitlines(), 1):
        values = line.split("\t")
        if values[0] == "\\" and isinstance(waiting, Annotation):
            bounds = dict(zip(("low", "high"), values[1:], strict=False))
            row = {"start": waiting.start, "end": waiting.end, "label": waiting.label, **bounds}
            waiting = _to_annotation(waiting.row, row, columns)
        elif line.strip():
            if waiting is not None:
                yield waiting
            is_whole = len(values) == 3
            row = dict(zip(_NEEDED, values, strict=False))
            fault = RowFault(number, f"has {len(values)} values; a label track has 3")
            waiting = _to_annotation(number, row, columns) if is_whole else fault
    if waiting is not None:
        yield waiting


def _is_label(values: list[str]) -> bool:
    try:
        list(map(float, values[:2]))
    except ValueError:
        return False
    return len(values) == 3
