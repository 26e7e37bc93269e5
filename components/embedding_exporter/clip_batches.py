"""Batches of transformed clips: from serialized examples to tables of embedded clips."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from components.embedding_exporter.embedding_cache import digest_of_log_mel
from schema import clip_examples
from schema.embedded_clips import to_table
from vggish import params

COUNTS = "counts"
NamedRecord = tuple[str, bytes]
"""The name of a file, and a serialized example from it."""


@dataclass(frozen=True)
class ClipBatch:
    """A batch of clips.

    Attributes:
        splits: The split of each clip.
        parsed: The features of all clips, by name.
    """

    splits: list[str]
    parsed: dict[str, Any]

    def __len__(self) -> int:
        return len(self.splits)

    @property
    def lengths(self) -> np.ndarray:
        """The windows of each clip, int64 [clips]."""
        return self.parsed[clip_examples.LOG_MEL].row_lengths().numpy()

    @property
    def windows(self) -> tf.Tensor:
        """The log-mel windows of all clips, float32 [w, 96, 64]."""
        values = self.parsed[clip_examples.LOG_MEL].flat_values
        return tf.reshape(values, [-1, params.NUM_FRAMES, params.NUM_BANDS])

    def digests(self) -> list[str]:
        """Returns the digest of each clip's windows; see `embedding_cache`."""
        parts = np.split(self.windows.numpy(), np.cumsum(self.lengths)[:-1])
        return [digest_of_log_mel(part) for part in parts]


class ClipFormat:
    """The form of the examples and the names of the classes, from a transform graph.

    Args:
        transform_uri: The transform graph.
    """

    def __init__(self, transform_uri: str):
        transform = tft.TFTransformOutput(transform_uri)
        self._spec = transform.transformed_feature_spec()
        self._classes = [
            name.decode() for name in transform.vocabulary_by_name(clip_examples.LABEL_VOCABULARY)
        ]

    @property
    def has_sound(self) -> bool:
        """Whether the clips have log-mel; otherwise the source gave embeddings."""
        return clip_examples.LOG_MEL in self._spec

    def parse(self, batch: Sequence[NamedRecord]) -> ClipBatch:
        """Parses examples; the folder of a file is that of its split."""
        folders = (os.path.basename(os.path.dirname(file)) for file, _ in batch)
        splits = [folder.removeprefix("Split-") for folder in folders]
        return ClipBatch(splits, tf.io.parse_example([record for _, record in batch], self._spec))

    def outputs(
        self, clips: ClipBatch, lengths: np.ndarray, embedded: np.ndarray
    ) -> Iterator[beam.pvalue.TaggedOutput]:
        """Yields embedded clips by split, as tables of `embedded_clips_schema`, and their counts.

        Args:
            clips: The clips.
            lengths: Windows of each clip, int64 [clips].
            embedded: Embeddings of all windows, float32 [w, D].
        """
        label_ids = tf.RaggedTensor.from_sparse(clips.parsed[clip_examples.LABEL_IDS]).to_list()
        table = to_table(
            [clip_id.decode() for clip_id in clips.parsed[clip_examples.CLIP_ID].numpy()],
            # A label that no training clip has is not a class; its id is -1.
            [[self._classes[i] for i in ids if i >= 0] for ids in label_ids],
            label_ids,
            lengths,
            embedded,
        )
        for split in dict.fromkeys(clips.splits):
            rows = [i for i, name in enumerate(clips.splits) if name == split]
            of_split = table if len(rows) == len(clips) else table.take(rows)
            yield beam.pvalue.TaggedOutput(split, of_split)
            windows = int(lengths[rows].sum())
            yield beam.pvalue.TaggedOutput(COUNTS, (("windows", split), windows))
