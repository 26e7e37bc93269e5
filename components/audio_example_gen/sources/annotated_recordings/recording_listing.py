"""The listing of the recordings that tables annotate."""

import collections
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from components.audio_example_gen.sources.annotated_recordings.table_recordings import (
    TableRecordings,
)
from components.audio_example_gen.sources.listing import AnnotatedEvent, SourceFile
from components.audio_example_gen.sources.unassigned_files import (
    UnassignedFiles,
    find_in,
    sounds_beside,
)
from components.file_trees.file_tree import Entry, FileTree
from components.file_trees.refusals import Reject
from schema.config.annotations.annotation_settings import BACKGROUND
from schema.config.source_settings import SourceSettings
from vggish.errors import AnnotationError, DataSetError
from vggish.events.annotation_tables import Annotation, RowFault, read_annotations


@dataclass
class _Rows:
    """The rows about one recording.

    Attributes:
        recording: The recording.
        first: The first row, or the table if it has none, for messages.
        events: What is heard when.
        refused: The fault of the first bad row, or None.
    """

    recording: Entry
    first: str
    events: list[AnnotatedEvent] = field(default_factory=list)
    refused: Reject | None = None


def find_recordings(settings: SourceSettings, tree: FileTree) -> UnassignedFiles:
    """Finds the recordings that the rows of the tables name.

    Args:
        settings: The source.
        tree: The root.

    Returns:
        A file for every recording, with its events, and refused if one of its rows is wrong; other
        sounds in the same folders are left out. A recording is a group, unless
        `source.group_pattern` names a larger one.

    Raises:
        DataSetError: A table cannot be read, or is no table of events.
    """
    by_path: dict[str, _Rows] = {}
    seen: set[str] = set()
    for pattern in settings.annotations.tables:
        for table in tree.tables(pattern, "source.annotations.tables"):
            if table.path not in seen:
                seen.add(table.path)
                _add_table(table.path, settings, tree, by_path)
    files = tuple(_to_file(rows, settings) for rows in by_path.values())
    return UnassignedFiles(files, left_out=len(sounds_beside(set(by_path), tree)))


def _add_table(
    table: str, settings: SourceSettings, tree: FileTree, by_path: dict[str, _Rows]
) -> None:
    recordings = TableRecordings(table, settings.annotations.recording, tree)
    found: dict[str | None, Entry] = {}
    for row in _read(table, settings, tree):
        if row.file not in found:
            found[row.file] = recordings.find(row.file)
        entry, place = found[row.file], f"row {row.row} of {table}"
        rows = by_path.setdefault(entry.path, _Rows(entry, place))
        if isinstance(row, Annotation):
            known = settings.classes is None or row.label in settings.classes
            rows.events.append(AnnotatedEvent(row.start, row.end, row.label, place, known))
        elif rows.refused is None:
            rows.refused = Reject(row.reason, f"{place} {row.detail}")
    if not found:  # Somebody has listened, and heard nothing.
        entry = recordings.find(None)
        by_path.setdefault(entry.path, _Rows(entry, f"the table {table}"))


def _read(table: str, settings: SourceSettings, tree: FileTree) -> Iterator[Annotation | RowFault]:
    try:
        columns = settings.annotations.columns
        for row in read_annotations(tree.read(table), table, columns):
            if isinstance(row, RowFault) and row.reason == "broken":
                raise DataSetError(f"{table} {row.detail} in row {row.row}; correct it.")
            yield row
    except AnnotationError as error:
        raise DataSetError(str(error)) from error


def _to_file(rows: _Rows, settings: SourceSettings) -> SourceFile:
    entry, annotations = rows.recording, settings.annotations
    labels = {event.label for event in rows.events if event.known}
    if entry.refused:
        detail = f"{entry.refused.detail} ({rows.first})"
        refused: Reject | None = Reject(entry.refused.reason, detail)
    else:
        refused = rows.refused or _conflict(rows.events, settings)
    if not labels and not annotations.complete:
        refused = refused or _without_labels(rows.events)
    if annotations.one_label and annotations.complete and annotations.background:
        labels.add(BACKGROUND)
    return SourceFile(
        entry.path,
        entry.size,
        entry.modified,
        labels=tuple(sorted(labels)),
        group=find_in(settings.group_pattern, entry.path) or entry.path,
        fold=find_in(settings.fold_pattern, entry.path),
        refused=refused,
        events=tuple(rows.events),
    )


def _without_labels(events: Sequence[AnnotatedEvent]) -> Reject:
    if events:
        detail = f"source.classes does not name {events[0].label} ({events[0].place})"
        return Reject("unknown_label", detail)
    return Reject("no_label", "the tables name no event in it, and its annotations are incomplete")


def _conflict(events: Sequence[AnnotatedEvent], settings: SourceSettings) -> Reject | None:
    """Refuses events of different labels that overlap, where a window has one label."""
    if not settings.annotations.one_label:
        return None
    last: AnnotatedEvent | None = None
    for event in sorted(
        (event for event in events if event.known), key=lambda one: (one.start, one.end)
    ):
        if last and event.start < last.end and event.label != last.label:
            return Reject(
                "conflict",
                f"{event.place} ({event.label}) overlaps {last.place} ({last.label}), but "
                "source.annotations.one_label is true",
            )
        if last is None or event.end > last.end:
            last = event
    return None


def warnings_about_rows(files: Iterable[SourceFile]) -> list[str]:
    """Says which labels of annotated recordings are no classes.

    Args:
        files: The files of a source.

    Returns:
        A sentence for each such label.
    """
    places = collections.defaultdict(list)
    for file in files:
        for event in file.events or ():
            if not event.known:
                places[event.label].append(event.place)
    return [
        f"source.classes does not name {label!r}, as {rows[0]} does ({len(rows)} rows in all): "
        "their time is left out."
        for label, rows in sorted(places.items())
    ]
