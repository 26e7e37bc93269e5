"""Writes a first configuration from what is in a table of embeddings."""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.audio_example_gen.sources.embedding_tables.table_columns import find_columns
from components.audio_example_gen.sources.embedding_tables.table_files import (
    EMBEDDING_TABLES,
    TableFile,
    open_table,
)
from components.audio_example_gen.sources.manifest_tables import DELIMITERS
from pipeline.catalog.first_sections import model_lines, split_lines, yaml_value
from pipeline.catalog.first_table import (
    GROUP_COLUMNS,
    LABEL_COLUMNS,
    find_column,
    find_separator,
    find_split,
)
from schema.config.source_settings import TableSettings

_NAME_COLUMNS = ("fname", "path", "filename", "file", "clip_id", "id", "slice_file_name")
_TIME_COLUMNS = ("start_seconds", "start", "time", "timestamp", "offset")
_ROWS_READ = 1000


@dataclass(frozen=True)
class FoundEmbeddings:
    """What is in a table of embeddings.

    Attributes:
        path: Its path.
        table: The entry of `source.tables`.
        split: The keys of the section `split`.
        words: What was found, one sentence.
    """

    path: Path
    table: dict[str, Any]
    split: dict[str, object]
    words: str


def is_table(place: str) -> bool:
    """Tells whether a path is that of a file that is named like a table of embeddings."""
    return place.lower().endswith(EMBEDDING_TABLES) and Path(place).expanduser().is_file()


def look_into_table(place: str) -> FoundEmbeddings:
    """Looks for the columns of a table of embeddings.

    Args:
        place: Path of the table.

    Returns:
        What was found.

    Raises:
        DataSetError: It is no such table, or has no labels.
    """
    path = Path(place).expanduser().resolve()
    settings: dict[str, Any] = {"file": path.name}
    opened = open_table(str(path), path.name)
    for delimiter in DELIMITERS if len(opened.schema) == 1 else ():
        other = open_table(str(path), path.name, delimiter)
        if len(other.schema) > 1:
            opened, settings["delimiter"] = other, delimiter
            break
    names = opened.schema.names
    for key, candidates in (
        ("fname", _NAME_COLUMNS),
        ("labels", LABEL_COLUMNS),
        ("group", GROUP_COLUMNS),
        ("time", _TIME_COLUMNS),
    ):
        if (column := find_column(names, candidates)) and key != column:
            settings[key] = column
    columns = find_columns(opened.schema, TableSettings.model_validate(settings), path.name)
    rows = _first_rows(opened, columns.heads)
    labels = [row[columns.labels or ""] for row in rows]
    if separator := find_separator([label for label in labels if isinstance(label, str)]):
        settings["label_separator"] = separator
    size = "lists" if columns.size is None else f"{columns.size} numbers"
    words = f"Found a table of embeddings of {size}. The class is the column {columns.labels!r}."
    return FoundEmbeddings(path, settings, find_split(names, rows), words)


def _first_rows(table: TableFile, columns: list[str]) -> list[dict[str, Any]]:
    batches = itertools.chain.from_iterable(b.to_pylist() for b in table.read(columns))
    return [
        {
            name: value if isinstance(value, list) else str(value or "")
            for name, value in row.items()
        }
        for row in itertools.islice(batches, _ROWS_READ)
    ]


def table_to_yaml(found: FoundEmbeddings) -> str:
    """Writes the configuration with comments.

    Args:
        found: What is in the table.

    Returns:
        YAML, which `schema.config.config_file` reads.
    """
    lines = [
        f"# {found.words}",
        "source:",
        "  kind: embeddings",
        f"  root: {yaml_value(str(found.path.parent))}",
        f"  tables: [{yaml_value(found.table)}]",
        "  # network: vggish  # The network that made them; then set features.checkpoint, too.",
        *split_lines(found.split),
        *model_lines(),
    ]
    return "\n".join(lines) + "\n"
