"""Turns tables of embeddings into examples, as a step of a Beam pipeline."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import apache_beam as beam
import numpy as np

from components.audio_example_gen.account import AccountingDoFn
from components.audio_example_gen.clip_reading import ClipFacts, to_features
from components.audio_example_gen.leaks import AcceptedFile, digest_of, one_clip
from components.audio_example_gen.listed_files import read_list, write_list
from components.audio_example_gen.sources.embedding_tables.clip_listing import (
    by_table,
    read_listed_vectors,
)
from components.audio_example_gen.sources.listing import Listing, SourceFile
from components.file_trees.data_root import open_tree
from components.file_trees.refusals import Reject
from schema.config.source_settings import SourceSettings
from vggish.example_features import float_feature, serialized_example
from vggish.progress import Progress


@dataclass(frozen=True)
class ListedTable:
    """Where the list of a table's clips is.

    Attributes:
        path: Path of the list of its clips.
        stretches: The first and the last byte of each stretch of the list.
    """

    path: str
    stretches: tuple[tuple[int, int], ...]


def list_tables(listing: Listing, folder: str) -> list[ListedTable]:
    """Writes the list of each table's clips to storage, in the order of their last rows.

    Args:
        listing: Listing of a source of embeddings.
        folder: Folder that all workers see.

    Returns:
        The tables.
    """
    tables = []
    for number, (_, files) in enumerate(by_table(listing.files)):
        path = os.path.join(folder, f"table-{number}")
        tables.append(ListedTable(path, tuple(write_list(path, list(files)))))
    return tables


class ReadTables(AccountingDoFn):
    """Reads a table into serialized examples with `embedding`, tagged with their split.

    The outputs are those of `DecodeClips`; an example has `embedding` (float32, n x D values)
    instead of sound, and no duration.

    Args:
        root: The data root.
        source: The source.
        total: Number of clips, for the progress.
    """

    def __init__(self, root: str, source: SourceSettings, total: int):
        self._root = root
        self._source = source
        self._total = total

    def setup(self) -> None:
        """Opens the data root, and starts the count of this worker."""
        self._tree = open_tree(self._root)
        self._progress = Progress("clips", self._total)

    def process(self, table: ListedTable) -> Iterator[beam.pvalue.TaggedOutput]:
        """Yields the table's clips and refusals, and their counts."""
        files = (file for stretch in table.stretches for file in read_list(stretch, table.path))
        for file, read in read_listed_vectors(self._source, self._tree, files):
            self._progress.advance()
            if isinstance(read, Reject):
                yield self._reject(file.clip_id, read)
            else:
                yield from self._written(file, read)

    def _written(self, file: SourceFile, windows: np.ndarray) -> Iterator[beam.pvalue.TaggedOutput]:
        facts = ClipFacts(file.clip_id, file.labels, file.group, file.fold, None)
        features = to_features(facts) | {"embedding": float_feature(windows.ravel())}
        split = file.split or ""
        yield beam.pvalue.TaggedOutput(split, serialized_example(features))
        accepted = AcceptedFile(
            file.clip_id, split, one_clip(file.labels), background=int(file.background)
        )
        yield from self._accept(accepted, file.group, [digest_of(windows.tobytes())])
