"""Writing events, recording by recording, in the forms that people open.

Memory does not grow with the number of events.
"""

import csv
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import astuple
from pathlib import Path

from vggish.errors import ConfigError
from vggish.events.detection import Event
from vggish.output_files import output_file
from vggish.params import MEL_MAX_HZ, MEL_MIN_HZ

RAVEN, AUDACITY = ".selections.txt", ".labels.txt"
COLUMNS = ("file", "start", "end", "label", "score")
_RAVEN_COLUMNS = (
    "Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)",
    "High Freq (Hz)", "Begin File", "File Offset (s)", "Label", "Score",
)  # fmt: skip
_ROWS_A_GROUP = 8192

WriteEvents = Callable[[str, float, Sequence[Event]], None]
"""Takes a recording's name, its length in seconds, and its events."""


@contextmanager
def open_event_file(path: str | os.PathLike[str]) -> Iterator[WriteEvents]:
    """Opens a file of events in the form of its extension.

    `.csv`, `.parquet` and `.jsonl` have the columns `file`, `start`, `end`, `label` and `score`.
    `.selections.txt` is a selection table of Raven: with several recordings, as Raven opens them
    one after the other, `Begin Time (s)` counts from the start of the first one, and
    `File Offset (s)` from the start of the file. `.labels.txt` is a label track of Audacity. The
    file appears at the end of the block, and not at all after an error.

    Args:
        path: Path or address that `check_event_path` accepts; its folder is made if necessary.

    Yields:
        A function that writes the events of one recording.
    """
    with output_file(path) as file, _FORMS[_form(path)](file) as write:
        yield write


def check_event_path(path: str | os.PathLike[str], recordings: int) -> None:
    """Checks that the events of recordings can be written to a path.

    Args:
        path: The path or address.
        recordings: Number of recordings.

    Raises:
        ConfigError: Its extension is no form of events, or that of Audacity's label tracks, each of
            which belongs to one recording, for several.
    """
    if _form(path) == AUDACITY and recordings > 1:
        raise ConfigError(
            f"{os.fspath(path)} would be a label track of Audacity, which belongs to one "
            f"recording, and there are {recordings}; name one of them, or write .csv or {RAVEN}."
        )


def _form(path: str | os.PathLike[str]) -> str:
    name = os.fspath(path)
    for extension in _FORMS:
        if name.endswith(extension):
            return extension
    raise ConfigError(
        f"{name} has no form of events: its name must end with one of {', '.join(_FORMS)} "
        "(selections.txt is for Raven, labels.txt for Audacity)."
    )


@contextmanager
def _csv(path: Path) -> Iterator[WriteEvents]:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        yield lambda name, _, events: writer.writerows((name, *astuple(event)) for event in events)


@contextmanager
def _json_lines(path: Path) -> Iterator[WriteEvents]:
    with path.open("w", encoding="utf-8") as file:

        def write(name: str, _: float, events: Sequence[Event]) -> None:
            for event in events:
                row = dict(zip(COLUMNS, (name, *astuple(event)), strict=True))
                file.write(json.dumps(row, ensure_ascii=False) + "\n")

        yield write


@contextmanager
def _parquet(path: Path) -> Iterator[WriteEvents]:
    import pyarrow as pa
    import pyarrow.parquet

    types = (pa.string(), pa.float64(), pa.float64(), pa.string(), pa.float64())
    schema = pa.schema(list(zip(COLUMNS, types, strict=True)))
    rows: list[tuple[object, ...]] = []

    def flush() -> None:
        if rows:
            table = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
            writer.write_table(pa.Table.from_pylist(table, schema=schema))
            rows.clear()

    def write(name: str, _: float, events: Sequence[Event]) -> None:
        rows.extend((name, *astuple(event)) for event in events)
        if len(rows) >= _ROWS_A_GROUP:
            flush()

    with pa.parquet.ParquetWriter(str(path), schema) as writer:
        yield write
        flush()


@contextmanager
def _raven(path: Path) -> Iterator[WriteEvents]:
    with path.open("w", encoding="utf-8") as file:
        file.write("\t".join(_RAVEN_COLUMNS) + "\n")
        number, offset = 1, 0.0

        def write(name: str, seconds: float, events: Sequence[Event]) -> None:
            nonlocal number, offset
            for event in events:
                place = (event.start + offset, event.end + offset, MEL_MIN_HZ, MEL_MAX_HZ)
                row = [str(number), "Spectrogram 1", "1", *(f"{value:.6f}" for value in place)]
                row += [_one_cell(name), f"{event.start:.6f}", _one_cell(event.label)]
                row.append("" if event.score is None else f"{event.score:.6f}")
                file.write("\t".join(row) + "\n")
                number += 1
            offset += seconds

        yield write


@contextmanager
def _audacity(path: Path) -> Iterator[WriteEvents]:
    with path.open("w", encoding="utf-8") as file:

        def write(_name: str, _seconds: float, events: Sequence[Event]) -> None:
            for event in events:
                label = _one_cell(event.label)
                file.write(f"{event.start:.6f}\t{event.end:.6f}\t{label}\n")

        yield write


def _one_cell(text: str) -> str:
    """Returns a text without tabs and line breaks, which these forms cannot quote."""
    return " ".join(text.split())


_FORMS: dict[str, Callable[[Path], AbstractContextManager[WriteEvents]]] = {
    ".csv": _csv,
    ".parquet": _parquet,
    ".jsonl": _json_lines,
    RAVEN: _raven,
    AUDACITY: _audacity,
}
