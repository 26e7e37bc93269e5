"""The clips of sources of embeddings in a catalog."""

from collections.abc import Callable, Iterator
from typing import Any

from components.audio_example_gen.ingest_summary import counts_of
from components.audio_example_gen.leaks import (
    AcceptedFile,
    Trace,
    digest_of,
    one_clip,
    traces_of,
)
from components.audio_example_gen.released_embeddings import accepted_record
from components.audio_example_gen.sources.audioset import (
    ReleasedClip,
    read_class_names,
    read_released_clips,
)
from components.audio_example_gen.sources.embedding_tables.clip_listing import read_listed_vectors
from components.audio_example_gen.sources.listing import Listing
from components.audio_example_gen.splits.hashed_splits import split_of
from components.file_trees.data_root import open_tree
from components.file_trees.refusals import Reject
from pipeline.catalog.catalog_row import CatalogRow
from schema.config.source_settings import SourceSettings
from schema.config.split_settings import UNLABELLED, SplitSettings


def read_records(
    listing: Listing,
    source: SourceSettings,
    split: SplitSettings,
    advance: Callable[[int], None],
) -> Iterator[tuple[CatalogRow, list[Trace]]]:
    """Yields the clips of AudioSet's released features, and what must be in one split.

    Args:
        listing: The listing of the source.
        source: The source.
        split: How clips are assigned to splits if the listing gives their file no split.
        advance: Called with 1 after each file.
    """
    tree = open_tree(listing.root)
    names = read_class_names(source, tree)
    for file in listing.files:
        if file.refused:
            yield CatalogRow(file.clip_id, (), reason=file.refused.reason), []
        else:
            for read in read_released_clips(tree, file.clip_id, names, source):
                yield _embedded_row(read, file.split, split)
        advance(1)


def _embedded_row(
    read: Any, of_file: str | None, split: SplitSettings
) -> tuple[CatalogRow, list[Trace]]:
    if not isinstance(read, ReleasedClip):
        clip_id, reject = read
        return CatalogRow(clip_id, (), reason=reject.reason), []
    name = of_file or split_of(read.video, split)
    file = accepted_record(read, name)
    row = CatalogRow(
        path=read.clip_id,
        labels=read.labels,
        split=name,
        seconds=(read.seconds,),
        format="AudioSet features",
        counts=counts_of(file),
    )
    return row, list(traces_of(file, read.video, [digest_of(read.embedding.tobytes())]))


def read_tables(
    listing: Listing, source: SourceSettings, advance: Callable[[int], None]
) -> Iterator[tuple[CatalogRow, list[Trace]]]:
    """Yields the clips of tables of embeddings, and what must be in one split.

    Args:
        listing: The listing of the source.
        source: The source.
        advance: Called with 1 after each clip.
    """
    for file, read in read_listed_vectors(source, open_tree(listing.root), listing.files):
        advance(1)
        if isinstance(read, Reject):
            yield CatalogRow(file.clip_id, file.labels, reason=read.reason), []
            continue
        accepted = AcceptedFile(
            file.clip_id, file.split or "", one_clip(file.labels), background=int(file.background)
        )
        digests = [digest_of(read.tobytes())]
        labelled = file.split != UNLABELLED
        yield (
            CatalogRow(
                path=file.clip_id,
                labels=file.labels,
                split=file.split,
                seconds=(0.0,),
                format=f"embeddings of {read.shape[1]} numbers",
                counts=counts_of(accepted),
            ),
            list(traces_of(accepted, file.group, digests)) if labelled else [],
        )
