"""The share of the clips that a process of a training reads."""

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
        replicas: How many copies of the model they train together, on one device each.
    """

    worker: int = 0
    workers: int = 1
    replicas: int = 1

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

    def steps(self, clips: int, batch_size: int) -> int:
        """Returns the number of batches of an epoch.

        A last batch that has no clip for each replica is left out, since convolutions accept no
        empty batch. The next epoch has other clips there.

        Args:
            clips: Number of training clips.
            batch_size: Clips of a batch of all workers.

        Raises:
            ConfigError: There is no clip for each replica.
        """
        full, rest = divmod(clips, batch_size)
        if min(clips, batch_size) < self.replicas:
            raise ConfigError(
                f"{self.replicas} devices train together, but a batch has only "
                f"{min(clips, batch_size)} clips; set train.batch_size higher, or train.workers "
                "lower."
            )
        return full + (rest >= self.replicas)
