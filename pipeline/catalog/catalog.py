"""Reads a data set file by file, as a run would."""

import collections
import csv
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Any

from components.audio_example_gen.clip_reading import ClipReader, Tally, settled
from components.audio_example_gen.duplicates import (
    Copy,
    SameSounds,
    content_digest,
    may_be_copies,
    settle,
    settle_same_sounds,
)
from components.audio_example_gen.ingest_summary import (
    check_rejects,
    check_summary,
    counts_of,
    summarize,
)
from components.audio_example_gen.leaks import (
    AcceptedFile,
    Trace,
    check_groups,
    meet,
    traces_of,
)
from components.audio_example_gen.sources import list_source
from components.audio_example_gen.sources.listing import Listing, SourceFile
from components.file_trees.data_root import open_tree
from components.file_trees.refusals import RefusedError
from pipeline.catalog.catalog_row import CatalogRow
from pipeline.catalog.embedding_rows import read_records, read_tables
from schema.config.ingest_settings import IngestSettings
from schema.config.source_settings import SourceSettings
from schema.config.split_settings import UNLABELLED, SplitSettings
from vggish.errors import AudioError, DataSetError
from vggish.output_files import output_file

CATALOG_COLUMNS = ("path", "label", "valid", "reason", "split", "duration")
_LABEL_SEPARATOR = ","


@dataclass(frozen=True)
class DataSetCatalog:
    """The contents of a data set.

    Attributes:
        root: The data root.
        rows: One row per file, in the order of their ids.
        summary: The counts that a run would report; see `summarize`.
        complaint: The reason why a run would stop, or None.
    """

    root: str
    rows: tuple[CatalogRow, ...]
    summary: dict[str, Any]
    complaint: str | None


def read_catalog(
    source: SourceSettings,
    ingest: IngestSettings,
    split: SplitSettings,
    advance: Callable[[int], None],
) -> DataSetCatalog:
    """Reads every file of a data set as a run would.

    Args:
        source: The source.
        ingest: The clips to accept, and their shape.
        split: The assignment of clips to splits.
        advance: Called with the number of files first, then with 1 after each file.

    Returns:
        The catalog.

    Raises:
        DataSetError: The source cannot be listed.
    """
    listing = list_source(source, split)
    advance(len(listing.files))
    if source.kind == "embeddings":
        read = read_tables(listing, source, advance)
    elif source.kind == "audioset_embeddings":
        read = read_records(listing, source, split, advance)
    else:
        read = _read_sounds(listing, source, ingest, advance)
    found = list(read)
    sounds, groups = _meet(trace for _, traces in found for trace in traces)
    same = settle_same_sounds(sounds, ingest)
    rows = [_after(row, traces, same) for row, traces in found]
    summary = summarize(listing, _counts(rows))
    try:
        check_rejects(summary["by_reason"], summary["found"], ingest)
        check_summary(summary, split)
        check_groups(groups, same.refused)
    except DataSetError as error:
        return DataSetCatalog(listing.root, tuple(rows), summary, str(error))
    return DataSetCatalog(listing.root, tuple(rows), summary, None)


def _meet(traces: Iterable[Trace]) -> tuple[list[list[AcceptedFile]], list[list[AcceptedFile]]]:
    """Returns the files of each sound and of each group that must be in one split."""
    by_trace = collections.defaultdict(list)
    for trace, file in traces:
        by_trace[trace].append(file)
    met: dict[str, list[list[AcceptedFile]]] = {"content": [], "group": [], "id": []}
    for (kind, _), files in by_trace.items():
        if together := meet(kind, files):
            met[kind].append(together)
    return met["content"], met["group"]


def _after(row: CatalogRow, traces: Sequence[Trace], same: SameSounds) -> CatalogRow:
    """Returns a row after the decision about the copies of its sound."""
    if not traces:
        return row
    key = traces[0][1].key
    copy = row.copy or key in same.copies
    if key in same.refused:
        _, reject = same.refused[key]
        return CatalogRow(row.path, row.labels, reason=reject.reason, copy=copy)
    return replace(row, copy=copy)


def write_catalog_csv(rows: Iterable[CatalogRow], path: str) -> None:
    """Writes one row per file: path, label, valid, reason, split, duration in seconds.

    Args:
        rows: The files.
        path: The CSV file; several labels are separated by commas within their field.

    Raises:
        ConfigError: The file cannot be written.
    """
    with output_file(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(CATALOG_COLUMNS)
        for row in rows:
            label = _LABEL_SEPARATOR.join(row.labels)
            valid = str(row.reason is None).lower()
            duration = f"{row.duration:.6g}" if row.duration else ""
            line = (row.path, label, valid, row.reason or "", row.split or "", duration)
            writer.writerow(line)


def _read_sounds(
    listing: Listing,
    source: SourceSettings,
    ingest: IngestSettings,
    advance: Callable[[int], None],
) -> Iterator[tuple[CatalogRow, list[Trace]]]:
    """Reads sounds, with one decoder per processor."""
    workers = os.cpu_count() or 1
    readers: SimpleQueue[ClipReader] = SimpleQueue()
    made = [ClipReader(listing.root, ingest, source.annotations) for _ in range(workers)]
    for reader in made:
        readers.put(reader)

    def read(file: SourceFile) -> tuple[CatalogRow, list[Trace]]:
        reader = readers.get()
        try:
            return _read_file(file, copies.get(file.clip_id), reader)
        finally:
            readers.put(reader)

    try:
        with ThreadPoolExecutor(workers) as threads:
            copies = _find_copies(listing, ingest, threads)
            for result in threads.map(read, listing.files):
                advance(1)
                yield result
    finally:
        for reader in made:
            reader.close()


def _find_copies(
    listing: Listing, ingest: IngestSettings, threads: ThreadPoolExecutor
) -> dict[str, Copy]:
    tree = open_tree(listing.root)

    def digest(file: SourceFile) -> str | None:
        try:
            with tree.local(file.clip_id) as path:
                return content_digest(path)
        except RefusedError:
            return None  # Reading the file will refuse it.

    files = may_be_copies(listing.files)
    same = collections.defaultdict(list)
    for file, found in zip(files, threads.map(digest, files), strict=True):
        if found is not None:
            same[found].append(file)
    copies: dict[str, Copy] = {}
    for group in same.values():
        if len(group) > 1:
            copies |= {file.clip_id: copy for file, copy in settle(group, ingest)}
    return copies


def _read_file(
    file: SourceFile, copy: Copy | None, reader: ClipReader
) -> tuple[CatalogRow, list[Trace]]:
    file = settled(file, copy)
    is_copy = copy is not None and not copy.first
    tally, seconds, rate, form = Tally(file), [], 0, ""
    try:
        for clip in tally.counted(reader.clips(file)):
            seconds.append(clip.duration)
            rate, form = clip.source_rate, clip.format
    except AudioError as error:
        return CatalogRow(file.clip_id, file.labels, reason=error.reason, copy=is_copy), []
    accepted = tally.accepted(copy=is_copy)
    labelled = file.split != UNLABELLED
    traces = list(traces_of(accepted, tally.group, tally.digests)) if labelled else []
    row = CatalogRow(
        path=file.clip_id,
        labels=file.labels,
        split=file.split,
        seconds=tuple(seconds),
        rate=rate,
        format=form,
        copy=is_copy,
        counts=counts_of(accepted),
    )
    return row, traces


def _counts(rows: Iterable[CatalogRow]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Counts files and clips as a run does."""
    counts: collections.Counter[tuple[str, ...]] = collections.Counter()
    for row in rows:
        counts["found",] += 1
        counts["duplicate",] += row.copy
        if row.reason is not None:
            counts["rejected", row.reason] += 1
        counts.update(row.counts)
    yield from sorted(counts.items())
