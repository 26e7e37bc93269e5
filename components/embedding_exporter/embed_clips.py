"""Runs the network over batches of clips."""

import collections
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
from apache_beam.transforms.window import GlobalWindows
from apache_beam.utils.shared import Shared

from components.embedding_exporter.clip_batches import COUNTS, ClipBatch, ClipFormat, NamedRecord
from components.embedding_exporter.embedding_cache import NewShards
from schema import clip_examples
from schema.imported_weights import read_imported_weights
from vggish import params
from vggish.networks.window_batches import map_batches
from vggish.progress import Progress

_BATCHES_AHEAD = 2
"""Batches that wait for the network, so that reading and writing never keep it waiting."""

_Embedded = tuple[np.ndarray, np.ndarray]
"""The windows of each clip, int64 [clips], and the embeddings of all, float32 [w, D]."""


class EmbedClips(beam.DoFn):
    """Embeds batches of transformed clips; the network is loaded once per worker.

    The network has a thread of its own. While it computes, batches are read and written.

    Tagged outputs: one per split, of tables of `embedded_clips_schema`; `counts`, of windows by
    split and of embedded clips.

    Args:
        transform_uri: The transform graph, for the examples' specification and the class names.
        weights_folder: Folder of the imported weights.
        features: The layer tap.
        size: The size of a window's features.
        clips: The number of clips, if all are embedded.
        cache: Folder where new embeddings are kept, or None.
    """

    def __init__(
        self,
        transform_uri: str,
        weights_folder: str,
        features: str,
        size: int,
        *,
        clips: int | None = None,
        cache: str | None = None,
    ):
        self._transform_uri = transform_uri
        self._weights_folder = weights_folder
        self._features = features
        self._size = size
        self._clips = clips
        self._cache = cache
        self._shared = Shared()

    def setup(self) -> None:
        """Loads the network and the examples' specification."""
        self._progress = Progress("clips", self._clips)
        self._format = ClipFormat(self._transform_uri)
        self._new = NewShards(self._cache) if self._cache else None
        self._network: tf.types.experimental.PolymorphicFunction | None = None
        self._thread = ThreadPoolExecutor(max_workers=1)

    def teardown(self) -> None:
        """Ends the network's thread."""
        self._thread.shutdown(cancel_futures=True)

    def _load(self) -> tf.types.experimental.PolymorphicFunction:
        weights = read_imported_weights(self._weights_folder)
        # Log-mel is there, so the network is known.
        model: Any = weights.build_features(self._features, weights.origin.compute)
        shape = [None, params.NUM_FRAMES, params.NUM_BANDS]
        return tf.function(
            lambda windows: model(windows, training=False),
            input_signature=[tf.TensorSpec(shape, tf.float32)],
        )

    def start_bundle(self) -> None:
        """Forgets the batches of a bundle that failed."""
        self._waiting: collections.deque[tuple[ClipBatch, Future[_Embedded]]] = collections.deque()

    def process(self, batch: list[NamedRecord]) -> Iterator[beam.pvalue.TaggedOutput]:
        """Yields the clips of an earlier batch, and has this batch computed.

        Args:
            batch: File names and serialized examples.
        """
        clips = self._format.parse(batch)
        self._waiting.append((clips, self._thread.submit(self._embed, clips)))
        if len(self._waiting) > _BATCHES_AHEAD:
            yield from self._oldest()

    def finish_bundle(self) -> Iterator[beam.pvalue.TaggedOutput]:
        """Yields the clips of the last batches."""
        while self._waiting:
            for output in self._oldest():
                value = GlobalWindows.windowed_value(output.value)
                yield beam.pvalue.TaggedOutput(output.tag, value)
        if self._new is not None:
            self._new.write()

    def _embed(self, clips: ClipBatch) -> _Embedded:
        if not self._format.has_sound:
            embedding = clips.parsed[clip_examples.EMBEDDING]
            windows = tf.reshape(embedding.flat_values, [-1, self._size])
            return embedding.row_lengths().numpy(), windows.numpy()
        if self._network is None:  # A run that finds all clips in its cache needs no network.
            self._network = self._shared.acquire(self._load)
        embedded = map_batches(self._network, clips.windows, [self._size])
        return clips.lengths, embedded.numpy()

    def _oldest(self) -> Iterator[beam.pvalue.TaggedOutput]:
        """Waits for the batch that was read first, and yields its clips by split."""
        clips, future = self._waiting.popleft()
        lengths, embedded = future.result()
        if self._new is not None:
            parts = np.split(embedded, np.cumsum(lengths)[:-1])
            for digest, part in zip(clips.digests(), parts, strict=True):
                self._new.add(digest, part)
        yield from self._format.outputs(clips, lengths, embedded)
        if self._format.has_sound:
            yield beam.pvalue.TaggedOutput(COUNTS, (("embedded",), len(clips)))
        self._progress.advance(len(clips))
