"""`manifest`: tables give the files and their labels."""

import posixpath
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from components.audio_example_gen.sources.listing import SourceFile
from components.audio_example_gen.sources.manifest_tables import Row, read_table
from components.audio_example_gen.sources.unassigned_files import (
    UnassignedFiles,
    is_below,
    sounds_beside,
    to_source_file,
)
from components.file_trees.file_tree import Entry, FileTree
from components.file_trees.refusals import Reject
from components.file_trees.sound_names import is_sound
from schema.config.source_settings import SourceSettings, TableSettings
from vggish.errors import DataSetError


@dataclass(frozen=True)
class _Line:
    """A row of a table, with its file's labels, group, fold and split."""

    table: str
    number: int
    path: str
    labels: tuple[str, ...]
    group: str | None
    fold: str | None
    said_split: str | None
    split: str | None


@dataclass(frozen=True)
class _Columns:
    """Names of the columns of a table; None if the table lacks it."""

    labels: str
    group: str | None
    fold: str | None
    split: str | None


def find_by_manifest(settings: SourceSettings, tree: FileTree) -> UnassignedFiles:
    """Finds the files that the tables name, and those in folders without labels or of background.

    Args:
        settings: The source.
        tree: The root.

    Returns:
        A file for every path that a row names, refused if it does not exist; other sounds in the
        same folders are left out.

    Raises:
        DataSetError: A table cannot be read, lacks a column, or contradicts itself about a file.
    """
    lines: dict[str, _Line] = {}
    nameless: list[SourceFile] = []
    outside: set[str] = set()
    for table in settings.tables:
        for kept, line in _read(table, tree):
            if not kept:
                outside.add(line.path)
            elif not line.path:
                clip_id = f"{line.table}#line={line.number}"
                refused = Reject("missing_file", "the row names no file")
                nameless.append(SourceFile(clip_id, refused=refused))
            else:
                lines[line.path] = _join(lines.get(line.path), line, table)
    entries = dict(zip(lines, tree.find(lines), strict=True))
    files = [_to_file(entries[path], line, settings) for path, line in lines.items()]
    unlabelled, others = _unlabelled(settings, tree, lines.keys())
    beside = sounds_beside({entry.path for entry in entries.values()}, tree)
    left_out = outside | {p for p in beside if not is_below(p, _telling_folders(settings, tree))}
    return UnassignedFiles(
        (*files, *nameless, *unlabelled),
        left_out=len(left_out - lines.keys()),
        other_files=others,
    )


def _read(table: TableSettings, tree: FileTree) -> Iterator[tuple[bool, _Line]]:
    """Yields each row, and whether `where` selects it."""
    names, rows = read_table(tree.read(table.file), table)
    columns = _Columns(
        _needed(table.labels, table, names),
        _optional(table.group, "group", table, names),
        _optional(table.fold, "fold", table, names),
        _optional(table.split, "split", table, names),
    )
    for name in table.where:
        _needed(name, table, names)
    for number, row in rows:
        kept = all(row[name] == value for name, value in table.where.items())
        yield kept, _to_line(row, number, table, columns, tree)


def _needed(column: str, table: TableSettings, names: list[str]) -> str:
    if column not in names:
        raise DataSetError(
            f"{table.file} has no column {column!r}; it has {', '.join(map(repr, names))}, so say "
            "which column means what under source.tables."
        )
    return column


def _optional(
    column: str | None, default: str, table: TableSettings, names: list[str]
) -> str | None:
    if column is not None:
        return _needed(column, table, names)
    return default if default in names else None


def _to_line(
    row: Row, number: int, table: TableSettings, columns: _Columns, tree: FileTree
) -> _Line:
    def value(column: str | None) -> str | None:
        return (row[column] or None) if column else None

    return _Line(
        table=table.file,
        number=number,
        path=_path(row, table, tree),
        labels=_labels(row[columns.labels], table.label_separator),
        group=value(columns.group),
        fold=value(columns.fold),
        said_split=value(columns.split),
        split=table.all_in,
    )


def _path(row: Row, table: TableSettings, tree: FileTree) -> str:
    try:
        path = table.path.format_map(row)
    except (KeyError, ValueError, AttributeError, IndexError) as error:
        raise DataSetError(
            f"{table.file} has no column for the path {table.path!r}; it has "
            f"{', '.join(map(repr, row))}."
        ) from error
    # Otherwise a row without a file name would name a folder.
    empty = posixpath.basename(path) in ("", "None")
    return "" if empty else tree.relative(path)


def _labels(value: str | list[str] | None, separator: str | None) -> tuple[str, ...]:
    if isinstance(value, list):
        labels = value
    else:
        labels = (value or "").split(separator) if separator else [value or ""]
    return tuple(dict.fromkeys(label.strip() for label in labels if label.strip()))


def _join(before: _Line | None, line: _Line, table: TableSettings) -> _Line:
    """Joins two rows that name one file: labels add up, everything else must agree."""
    if before is None:
        return line
    same = replace(line, table=before.table, number=before.number, labels=before.labels)
    if same != before or (line.labels != before.labels and table.label_separator is None):
        raise DataSetError(
            f"{line.path} is in line {before.number} of {before.table} and in line {line.number} "
            f"of {line.table}, which disagree; keep one of them (or set label_separator, if clips "
            "may have several labels)."
        )
    return replace(before, labels=tuple(dict.fromkeys(before.labels + line.labels)))


def _to_file(entry: Entry, line: _Line, settings: SourceSettings) -> SourceFile:
    file = to_source_file(entry, settings, line.labels, line.group)
    return replace(file, fold=line.fold, said_split=line.said_split, split=line.split)


def _telling_folders(settings: SourceSettings, tree: FileTree) -> tuple[str, ...]:
    """Returns the folders without labels, and those of background, which may be a label's name."""
    background = (name for name in settings.background if tree.names(name.strip("/")))
    return (*settings.unlabelled_folders, *background)


def _unlabelled(
    settings: SourceSettings, tree: FileTree, named: Collection[str]
) -> tuple[list[SourceFile], int]:
    """Finds the sounds of folders that say all there is to say, and counts the other files."""
    files, others = [], 0
    for folder in _telling_folders(settings, tree):
        for entry in tree.walk(folder.strip("/")):
            if not is_sound(entry, tree):
                others += 1
            elif entry.path not in named:
                files.append(to_source_file(entry, settings, (), group=None))
    return files, others
