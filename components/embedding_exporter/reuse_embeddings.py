"""Finds the clips whose embeddings an earlier run kept."""

from collections.abc import Iterator

import apache_beam as beam
import numpy as np

from components.embedding_exporter.clip_batches import COUNTS, ClipFormat, NamedRecord
from components.embedding_exporter.embedding_cache import CachedEmbeddings
from vggish.progress import Progress

MISSING = "missing"


class ReuseEmbeddings(beam.DoFn):
    """Embeds the clips that are in the cache, and passes the others on.

    Tagged outputs: one per split and `counts`, as of `EmbedClips`; `missing`, of file names and
    serialized examples.

    Args:
        transform_uri: The transform graph.
        cache: Folder of the embeddings of one computation.
        clips: The number of clips.
    """

    def __init__(self, transform_uri: str, cache: str, clips: int):
        self._transform_uri = transform_uri
        self._cache = cache
        self._clips = clips

    def setup(self) -> None:
        """Lists what is in the cache."""
        self._format = ClipFormat(self._transform_uri)
        self._cached = CachedEmbeddings(self._cache)
        self._progress = Progress("clips looked up", self._clips)

    def process(self, batch: list[NamedRecord]) -> Iterator[beam.pvalue.TaggedOutput]:
        """Yields the clips that were found by split, and the others one by one."""
        clips = self._format.parse(batch)
        found = [self._cached.find(digest) for digest in clips.digests()]
        for named, embeddings in zip(batch, found, strict=True):
            if embeddings is None:
                yield beam.pvalue.TaggedOutput(MISSING, named)
        known = [i for i, embeddings in enumerate(found) if embeddings is not None]
        if known:
            parts = [embeddings for embeddings in found if embeddings is not None]
            lengths = np.array([len(part) for part in parts])
            all_known = len(known) == len(batch)
            of_known = clips if all_known else self._format.parse([batch[i] for i in known])
            yield from self._format.outputs(of_known, lengths, np.concatenate(parts))
            yield beam.pvalue.TaggedOutput(COUNTS, (("reused",), len(known)))
        self._progress.advance(len(batch))
