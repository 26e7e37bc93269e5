"""The list of files on its way to the workers: lines in storage, since a job's graph is limited.

Dataflow refuses a graph of more than 20 MB; two million files would take 300.
"""

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import fields

import apache_beam as beam
import tensorflow as tf

from components.audio_example_gen.sources.listing import AnnotatedEvent, SourceFile
from components.file_trees.refusals import Reject

_MAX_STRETCHES = 1000
"""The most parts of the list, each of which one worker reads."""

_LEAST_FILES = 8
"""Files of a part, so that opening the list is no work beside reading them."""

_DEFAULTS = {field.name: field.default for field in fields(SourceFile)}


class ReadListedFiles(beam.PTransform):
    """Writes a list of files to storage at once, and reads it on the workers.

    Args:
        path: Path of the list, which all workers see.
        files: The files.
    """

    def __init__(self, path: str, files: Sequence[SourceFile]):
        super().__init__()
        self._path = path
        self._stretches = write_list(path, files)

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        """Adds the steps to the pipeline; yields a `SourceFile` each."""
        return (
            pipeline
            | "List" >> beam.Create(self._stretches)
            | "Spread" >> beam.Reshuffle()
            | "Read" >> beam.FlatMap(read_list, self._path)
        )


def write_list(path: str, files: Sequence[SourceFile]) -> list[tuple[int, int]]:
    """Writes a line per file; returns the first and the last byte of each stretch of lines."""
    stretches, begin = [], 0
    size = max(_LEAST_FILES, math.ceil(len(files) / _MAX_STRETCHES))
    with tf.io.gfile.GFile(path, "wb") as lines:
        for some in itertools.batched(files, size):
            text = b"".join(_to_line(file) for file in some)
            lines.write(text)
            stretches.append((begin, begin + len(text)))
            begin += len(text)
    return stretches


def _to_line(file: SourceFile) -> bytes:
    values = {
        name: value
        for name, default in _DEFAULTS.items()
        if (value := getattr(file, name)) != default
    }
    return json.dumps(values, default=vars).encode() + b"\n"


def read_list(stretch: tuple[int, int], path: str) -> Iterator[SourceFile]:
    """Yields the files of a stretch of the list that `write_list` wrote."""
    begin, end = stretch
    with tf.io.gfile.GFile(path, "rb") as lines:
        lines.seek(begin)
        text = lines.read(end - begin)
    for line in text.splitlines():
        values = json.loads(line)
        if "labels" in values:
            values["labels"] = tuple(values["labels"])
        if "refused" in values:
            values["refused"] = Reject(**values["refused"])
        if "events" in values:
            values["events"] = tuple(AnnotatedEvent(**event) for event in values["events"])
        yield SourceFile(**values)
