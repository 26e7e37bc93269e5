"""The listing of the clips in tables of embeddings."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from components.audio_example_gen.sources.embedding_tables.clip_reading import OpenClips
from components.audio_example_gen.sources.embedding_tables.clip_rows import TableClip
from components.audio_example_gen.sources.listing import SourceFile
from components.audio_example_gen.sources.unassigned_files import UnassignedFiles, to_source_file
from components.file_trees.file_tree import Entry, FileTree
from components.file_trees.refusals import Reject
from schema.config.source_settings import SourceSettings, TableSettings
from schema.config.split_settings import UNLABELLED
from vggish.errors import DataSetError


def find_clips(settings: SourceSettings, tree: FileTree) -> UnassignedFiles:
    """Finds the clips in the tables, without reading their vectors.

    Args:
        settings: The source.
        tree: The root.

    Returns:
        A file for every clip, with its table and its last row; refused if its rows contradict each
        other or it is in two tables.

    Raises:
        DataSetError: A table cannot be read, lacks a column, or has vectors of another size.
    """
    files: dict[str, SourceFile] = {}
    again: list[SourceFile] = []
    for entry, table in _entries(settings, tree):
        with tree.local(entry.path) as path:
            opened = OpenClips(path, entry.path, table)
        for clip in opened.rows.clips(table.label_separator):
            file = _to_file(clip, entry, settings, table)
            if first := files.get(clip.clip_id):
                files[clip.clip_id] = _in_two_tables(first, first.table, entry.path)
                twice = _in_two_tables(file, first.table, entry.path)
                again.append(replace(twice, clip_id=f"{entry.path}#{file.clip_id}"))
            else:
                files[clip.clip_id] = file
    return UnassignedFiles((*files.values(), *again))


def read_size(settings: SourceSettings, tree: FileTree) -> int:
    """Returns the numbers of a vector; it reads little more than the names of the columns.

    Args:
        settings: The source.
        tree: The root.

    Raises:
        DataSetError: A table lacks a column, or tables have vectors of different sizes.
    """
    sizes: dict[int, str] = {}
    for entry, table in _entries(settings, tree):
        with tree.local(entry.path) as path:
            sizes.setdefault(OpenClips(path, entry.path, table).size, entry.path)
    if len(sizes) > 1:
        (one, first), (other, second) = list(sizes.items())[:2]
        raise DataSetError(
            f"The vectors of {first} have {one} numbers, but those of {second} have {other}; take "
            "embeddings of one network and layer."
        )
    return next(iter(sizes))


def by_table(files: Iterable[SourceFile]) -> Iterator[tuple[str, Iterator[SourceFile]]]:
    """Yields each table, and its clips in the order of their last rows."""
    order = sorted(files, key=lambda file: (file.table or "", file.row))
    yield from itertools.groupby(order, lambda file: file.table or "")


def read_listed_vectors(
    settings: SourceSettings, tree: FileTree, files: Iterable[SourceFile]
) -> Iterator[tuple[SourceFile, np.ndarray | Reject]]:
    """Reads the vectors of clips.

    Args:
        settings: The source.
        tree: The root.
        files: Clips that `find_clips` found, perhaps not all of a table.

    Yields:
        A clip with its vectors in the order of time, float32 [n, D], or why it is refused.

    Raises:
        DataSetError: A table is not the one that was listed.
    """
    tables = {entry.path: table for entry, table in _entries(settings, tree)}
    for name, some in by_table(files):
        with tree.local(name) as path:
            found = OpenClips(path, name, tables[name]).vectors()
            for file in some:
                clip = next((clip for clip in found if clip.last_row == file.row), None)
                if clip is None:
                    raise DataSetError(f"{name} changed while it was read; run the job again.")
                yield file, file.refused or clip.refused or clip.windows


def _entries(settings: SourceSettings, tree: FileTree) -> Iterator[tuple[Entry, TableSettings]]:
    """Yields the tables that the settings name, each once."""
    seen: set[str] = set()
    for table in settings.tables:
        for entry in tree.tables(table.file, "source.tables"):
            if entry.path not in seen:
                seen.add(entry.path)
                yield entry, table


def _to_file(
    clip: TableClip, table_entry: Entry, settings: SourceSettings, table: TableSettings
) -> SourceFile:
    # The table's size and time are in the fingerprint.
    entry = replace(table_entry, path=clip.clip_id, refused=clip.refused)
    file = to_source_file(entry, settings, clip.labels, clip.group)
    only_predicted = not clip.labels and (clip.said_split or "").lower() == UNLABELLED
    return replace(
        file,
        fold=clip.fold,
        said_split=clip.said_split,
        split=table.all_in,
        refused=clip.refused if only_predicted else file.refused,
        table=table_entry.path,
        row=clip.last_row,
    )


def _in_two_tables(file: SourceFile, first: str | None, second: str) -> SourceFile:
    detail = f"is in {first} and in {second}; the rows of a clip must be in one table"
    return replace(file, refused=Reject("conflict", detail))
