"""The share of the clips that a process of a training reads."""

import math
from dataclasses import dataclass

import tensorflow as tf

from vggish.errors import ConfigError


@dataclass(frozen=True)
class Share:
    """One worker's share of every batch: each `workers`-th clip, from its own number on.

    The shares of a batch together are the batch that one process alone would read.

    Attributes:
        worker: Number of the worker, from 0; worker 0 writes the files.
        workers: How many there are.
    """

    worker: int = 0
    workers: int = 1

    @property
    def writes(self) -> bool:
        """Whether this is the worker that writes the files."""
        return self.worker == 0

    def of(self, clips: tf.data.Dataset) -> tf.data.Dataset:
        """Keeps the clips of the share; nothing else is read or computed after this."""
        return clips.shard(self.workers, self.worker)

    def count(self, clips: int) -> int:
        """Returns the number of clips of the share, of all clips of a split."""
        return len(range(self.worker, clips, self.workers))

    def batch_size(self, size: int) -> int:
        """Returns the number of clips of the share in a full batch of all workers."""
        return size // self.workers

    def fill(self, batches: tf.data.Dataset, clips: int, batch_size: int) -> tf.data.Dataset:
        """Adds an empty batch where the last one has fewer clips than there are workers.

        All workers take every step together, so all need the same number of batches.

        Args:
            batches: Batches of the share.
            clips: Number of clips of the split.
            batch_size: Clips of a batch of all workers.

        Raises:
            ConfigError: A worker has no clip at all.
        """
        if self.workers == 1:
            return batches
        if clips < self.workers:
            raise ConfigError(
                f"train.workers is {self.workers}, but there are only {clips} training clips; set "
                "it lower."
            )
        empty = batches.take(1).map(
            lambda *parts: tf.nest.map_structure(lambda part: part[:0], parts)
        )
        count = math.ceil(clips / batch_size)
        filled = batches.concatenate(empty).take(count)
        return filled.apply(tf.data.experimental.assert_cardinality(count))
