"""Traces of what was written: groups and sounds, which must not be in two splits."""

import collections
import hashlib
import itertools
import json
import operator
import zlib
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import apache_beam as beam
import tensorflow as tf

from vggish.errors import DataSetError


@dataclass(frozen=True)
class AcceptedFile:
    """What is known of a labelled file, or of a record, whose clips were written.

    Attributes:
        clip_id: Id of the file; that of the recording if its clips are parts.
        split: Split of its clips.
        clips_by_label: Number of its clips with each label.
        clips: Number of its clips.
        silent: Number of silent ones.
        clipped: Number of clips with samples outside [-1, 1].
        copy: Whether it was counted as a copy before decoding.
        record: Place of a record, such as `a.tfrecord#record=3`, since several may have one id;
            empty for a file.
        content: Digest of what is written of a record; empty for a file.
        background: Number of the clips that are windows without an event.
        left_out: Number of the recording's windows that are no clips.
    """

    clip_id: str
    split: str
    clips_by_label: tuple[tuple[str, int], ...]
    clips: int = 1
    silent: int = 0
    clipped: int = 0
    copy: bool = False
    record: str = ""
    content: str = ""
    background: int = 0
    left_out: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """Split, and what no other file or record has: the id of a file, the place of a record."""
        return self.split, self.record or self.clip_id


Trace = tuple[tuple[str, str], AcceptedFile]
"""What must be in one split, or in one record, as `(kind, name)`, and a file that has it.

The kinds are `group`, `content` and, of records, `id`."""


def one_clip(labels: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """Returns the `clips_by_label` of a file with one clip."""
    return tuple((label, 1) for label in labels)


def digest_of(content: bytes) -> str:
    """Returns a digest of a clip's written content."""
    return hashlib.sha256(content).hexdigest()


def traces_of(file: AcceptedFile, group: str | None, digests: Iterable[str]) -> Iterator[Trace]:
    """Yields the traces of a file: files of other splits, and other records, must not have them.

    Args:
        file: The file.
        group: Its group, or None.
        digests: The digests of its clips that mean something: silence is left out.
    """
    if group is not None:
        yield ("group", group), file
    for digest in digests:
        yield ("content", digest), file
    if file.record:
        yield ("id", file.clip_id), file


def meet(kind: str, files: Iterable[AcceptedFile]) -> list[AcceptedFile]:
    """Returns the files of a trace: none unless several have a sound or id, or splits a group."""
    by_key = {file.key: file for file in files}
    splits = {split for split, _ in by_key}
    if len(splits if kind == "group" else by_key) < 2:
        return []
    return [by_key[key] for key in sorted(by_key)]


def check_groups(
    groups: Iterable[Sequence[AcceptedFile]], refused: Container[tuple[str, str]]
) -> None:
    """Raises an error if a group is in two splits.

    Args:
        groups: The files of each group that was found in several splits.
        refused: Split and id of the files that were taken out again.

    Raises:
        DataSetError: There is such a group.
    """
    straddling = []
    for files in groups:
        first: dict[str, str] = {}
        for file in files:
            if file.key not in refused:
                first.setdefault(file.split, file.clip_id)
        if len(first) > 1:
            straddling.append(sorted(first.items()))
    if not straddling:
        return
    named = " and ".join(f"{clip_id} ({split})" for split, clip_id in min(straddling))
    raise DataSetError(
        f"{named} are of one group, but in different splits, and {len(straddling) - 1} more such "
        "groups are; remove the clips of one split, or give them another group."
    )


_BUCKETS = 256
_TRACES_A_BATCH = 512
_TraceBatch = tuple[int, list[tuple[Any, ...]]]
"""Traces whose names fall into one bucket, as plain tuples, which Beam encodes quickly."""


class TraceBatches:
    """Collects traces, so that a few batches are sent to where they meet, not every trace."""

    def __init__(self) -> None:
        self._buckets: dict[int, list[tuple[Any, ...]]] = collections.defaultdict(list)

    def add(self, trace: Trace) -> Iterator[_TraceBatch]:
        """Adds a trace; yields its bucket's batch if it is full."""
        (kind, name), file = trace
        number = zlib.crc32(name.encode()) % _BUCKETS
        bucket = self._buckets[number]
        bucket.append((kind, name, *_fields_of(file)))
        if len(bucket) == _TRACES_A_BATCH:
            yield number, self._buckets.pop(number)

    def rest(self) -> Iterator[_TraceBatch]:
        """Yields the batches that are not full."""
        yield from self._buckets.items()


_fields_of = operator.attrgetter(*(field.name for field in fields(AcceptedFile)))


class WriteLeaks(beam.PTransform):
    """Writes the sounds and ids that several files have, and the groups in several splits.

    Args:
        path: Path of the file of JSON lines.
    """

    def __init__(self, path: str):
        super().__init__()
        self._path = path

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        """Adds the steps to the pipeline, after batches of `TraceBatches`."""
        return (
            batches
            | "Meet" >> beam.GroupByKey()
            | "ToJson" >> beam.FlatMapTuple(_to_lines)
            | "Write" >> beam.io.WriteToText(self._path, shard_name_template="")
        )


def _to_lines(_: int, batches: Iterable[list[tuple[Any, ...]]]) -> Iterator[str]:
    files = collections.defaultdict(list)
    for kind, name, *values in itertools.chain.from_iterable(batches):
        files[kind, name].append(values)
    for (kind, _name), same in files.items():
        if len(same) > 1 and (met := meet(kind, (AcceptedFile(*values) for values in same))):
            yield json.dumps([kind, [asdict(file) for file in met]], ensure_ascii=False)


def read_leaks(path: str) -> Iterator[tuple[str, list[AcceptedFile]]]:
    """Yields the kind and the files of the traces that `WriteLeaks` wrote."""
    with tf.io.gfile.GFile(path) as lines:
        for line in lines:
            kind, files = json.loads(line)
            yield kind, [_from_fields(file) for file in files]


def _from_fields(fields: dict[str, Any]) -> AcceptedFile:
    by_label = tuple((label, clips) for label, clips in fields["clips_by_label"])
    return AcceptedFile(**fields | {"clips_by_label": by_label})
