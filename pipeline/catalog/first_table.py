"""Finds the table that gives the sounds of a folder their classes."""

import collections
import contextlib
import itertools
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.audio_example_gen.sources.manifest_tables import DELIMITERS, Row, read_table
from components.file_trees.file_tree import FileTree
from schema.config.source_settings import TableSettings
from vggish.errors import DataSetError

TABLE_EXTENSIONS = (".csv", ".tsv", ".tab", ".parquet")
LABEL_COLUMNS = (
    "labels", "label", "class", "category", "genre", "word", "scene_label", "scene", "species",
    "tags", "tag", "target",
)  # fmt: skip
GROUP_COLUMNS = (
    "group", "speaker", "speaker_id", "client_id", "subject", "artist", "session", "recording",
    "src_file", "fsid", "location",
)  # fmt: skip
_SEPARATORS = (",", ";", "|")
_ROWS_READ = 1000
_LEAST_FOUND = 0.5
"""Minimum share of rows whose file is there."""


@dataclass(frozen=True)
class FoundTable:
    """A table that names sounds and their classes.

    Attributes:
        settings: An entry of `source.tables`.
        split: The keys of the section `split`.
        words: Where the classes come from.
    """

    settings: dict[str, Any]
    split: dict[str, object]
    words: str


def find_table(tables: Sequence[str], sounds: Sequence[str], tree: FileTree) -> FoundTable | None:
    """Looks for a table of the sounds.

    Args:
        tables: Paths of the tables below the root.
        sounds: Paths of the sounds.
        tree: The root.

    Returns:
        The first table with a column of their paths and one of their classes, or None.
    """
    for name in tables:
        settings, columns, values = _read(name, tree.read(name))
        path = _path_template(columns, values, sounds)
        label = find_column(columns, LABEL_COLUMNS)
        if path is None or label is None:
            continue
        settings |= {"path": path, "labels": label}
        if separator := find_separator([str(row[label]) for row in values]):
            settings["label_separator"] = separator
        if group := find_column(columns, GROUP_COLUMNS):
            settings["group"] = group
        words = f"the column {label!r} of {name}"
        return FoundTable(settings, find_split(columns, values), words)
    return None


def _read(name: str, content: bytes) -> tuple[dict[str, Any], list[str], list[Row]]:
    """Reads the first rows with the separator that fits; no columns if none does."""
    for delimiter in (None, *DELIMITERS):
        settings = {"file": name} | ({"delimiter": delimiter} if delimiter else {})
        with contextlib.suppress(DataSetError):
            columns, rows = read_table(content, TableSettings.model_validate(settings))
            return settings, columns, [row for _, row in itertools.islice(rows, _ROWS_READ)]
    return {}, [], []


def find_column(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """Returns the first of some names that a table has, in any case of letters."""
    by_name = {column.strip().lower(): column for column in columns}
    return next((by_name[name] for name in names if name in by_name), None)


def _path_template(
    columns: Sequence[str], rows: Sequence[Mapping[str, Any]], sounds: Sequence[str]
) -> str | None:
    """Returns where the file of a row is: a column, perhaps below a folder or with an extension."""
    there = set(sounds)
    places = collections.Counter(
        (posixpath.dirname(path), posixpath.splitext(path)[1]) for path in sounds
    )
    for column in columns:
        for folder, extension in [("", ""), *places]:
            for end in ("", extension):
                named = [posixpath.join(folder, f"{row[column]}{end}") for row in rows]
                if rows and sum(name in there for name in named) >= _LEAST_FOUND * len(rows):
                    return posixpath.join(folder, f"{{{column}}}{end}")
    return None


def find_separator(values: Sequence[str]) -> str | None:
    """Returns what separates several labels: parts that are labels of other rows, too."""
    for separator in _SEPARATORS:
        parts = collections.Counter(p.strip() for value in values for p in value.split(separator))
        if any(separator in value for value in values) and len(parts) < len(set(values)):
            return separator
    return None


def find_split(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    """Returns the splits that the table gives: a column of splits, or folds."""
    if "split" in columns and len({row["split"] for row in rows}) > 1:
        return {"kind": "column"}
    folds = sorted({row["fold"] for row in rows if row["fold"]}) if "fold" in columns else []
    if len(folds) > 2:
        return {"kind": "fold", "test_fold": folds[-1], "eval_fold": folds[-2]}
    return {}
