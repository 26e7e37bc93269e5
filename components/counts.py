"""Counting inside a Beam pipeline, for a summary outside it.

A summary must not depend on the runner, and not every portable runner gives out Beam's own metrics
after the job.
"""

import json
import os
from collections.abc import Iterator

import apache_beam as beam
import tensorflow as tf

_FILE = "counts.jsonl"


class WriteCounts(beam.PTransform):
    """Sums `(key, number)` pairs by key into one file; a key is a tuple of strings.

    Args:
        folder: Folder from which `read_counts` reads the sums.
    """

    def __init__(self, folder: str):
        super().__init__()
        self._path = os.path.join(folder, _FILE)

    def expand(self, pairs: beam.PCollection) -> beam.PCollection:
        """Adds the steps to the pipeline."""
        return (
            pairs
            | "Sum" >> beam.CombinePerKey(sum)
            | "ToJson" >> beam.MapTuple(lambda key, number: json.dumps([key, number]))
            | "Write" >> beam.io.WriteToText(self._path, shard_name_template="")
        )


def read_clips_by_split(rejects: str) -> dict[str, int]:
    """Returns the number of clips of each split, from the folder of AudioExampleGen's `rejects`."""
    with tf.io.gfile.GFile(os.path.join(rejects, "summary.json")) as file:
        return json.loads(file.read())["by_split"]


def read_counts(folder: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yields the `(key, sum)` pairs that `WriteCounts` wrote to a folder, sorted by key."""
    with tf.io.gfile.GFile(os.path.join(folder, _FILE)) as lines:
        for key, number in sorted(json.loads(line) for line in lines):
            yield tuple(key), number
