"""Splits that are written anew: without copies, and with an id of its own for every record.

Only all clips together show these. Only records that share an id are brought together, so that a
large data set is not.
"""

import collections
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import apache_beam as beam
import numpy as np
import tensorflow as tf
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from components.audio_example_gen.leaks import AcceptedFile
from components.audio_example_gen.released_embeddings import digest_of_record

_SHARED = "shared"
_DIGITS = 12  # Of the digest that is added to an id.


@dataclass
class _Changes:
    """The changes of a split.

    Attributes:
        files: Ids of files that are taken out; a recording goes with all its parts.
        records: Ids of records of which some are taken out, or that several records keep.
        gone: Ids and contents of records that are taken out.
        several: Ids that several records keep.
    """

    files: set[str] = field(default_factory=set)
    records: set[str] = field(default_factory=set)
    gone: set[tuple[str, str]] = field(default_factory=set)
    several: set[str] = field(default_factory=set)


def rewrite_splits(
    examples: Artifact,
    new_pipeline: Callable[[], beam.Pipeline],
    refused: Iterable[AcceptedFile],
    same_ids: Iterable[Sequence[AcceptedFile]],
) -> None:
    """Writes the splits anew that hold refused files, or several records with one id.

    Of records with one id and one content, one stays. If others have the id, but not the content,
    a part of the content's digest is added to the id of each: `ID&content=0123456789ab`.

    Args:
        examples: The clip examples.
        new_pipeline: Makes a Beam pipeline.
        refused: The files and records that are taken out.
        same_ids: The records of each id that several have.
    """
    splits = _changes(list(refused), same_ids)
    if not splits:
        return
    folders = {split: artifact_utils.get_split_uri([examples], split) for split in splits}
    old = [path for folder in folders.values() for path in tf.io.gfile.glob(f"{folder}/clips-*")]
    with new_pipeline() as pipeline:
        for split, changes in splits.items():
            kept = (
                pipeline
                | f"Read[{split}]" >> beam.io.ReadFromTFRecord(f"{folders[split]}/clips-*")
                | f"Keep[{split}]"
                >> beam.FlatMap(_kept, changes).with_outputs(_SHARED, main="alone")
            )
            shared = (
                kept[_SHARED]
                | f"Meet[{split}]" >> beam.GroupByKey()
                | f"Name[{split}]" >> beam.FlatMap(_one_record, changes)
            )
            (
                (kept["alone"], shared)
                | f"All[{split}]" >> beam.Flatten()
                | f"Rewrite[{split}]"
                >> beam.io.WriteToTFRecord(
                    os.path.join(folders[split], "kept"), file_name_suffix=".tfrecord"
                )
            )
    for path in old:
        tf.io.gfile.remove(path)


def _changes(
    refused: Sequence[AcceptedFile], same_ids: Iterable[Sequence[AcceptedFile]]
) -> dict[str, _Changes]:
    """Gathers the changes by split."""
    changes: dict[str, _Changes] = collections.defaultdict(_Changes)
    for file in refused:
        of_split = changes[file.split]
        if file.record:
            of_split.records.add(file.clip_id)
            of_split.gone.add((file.clip_id, file.content))
        else:
            of_split.files.add(file.clip_id)
    out = {file.key for file in refused}
    for files in same_ids:
        kept = [file for file in files if file.key not in out]
        count = collections.Counter(file.split for file in kept)
        for file in kept:
            if file.split in changes:
                changes[file.split].gone.discard((file.clip_id, file.content))
            if count[file.split] > 1:
                changes[file.split].records.add(file.clip_id)
                changes[file.split].several.add(file.clip_id)
    return changes


def _kept(record: bytes, changes: _Changes) -> Iterator[bytes | beam.pvalue.TaggedOutput]:
    """Yields a clip that stays as it is; by id and content if records share its id."""
    features = tf.train.Example.FromString(record).features.feature
    clip_id = features["clip_id"].bytes_list.value[0].decode()
    if clip_id in changes.records:
        embedding = np.asarray(features["embedding"].float_list.value, np.float32)
        labels = [label.decode() for label in features["labels"].bytes_list.value]
        key = clip_id, digest_of_record(embedding, labels)
        yield beam.pvalue.TaggedOutput(_SHARED, (key, record))
    elif not changes.files & {clip_id, clip_id.rpartition("#t=")[0]}:
        yield record


def _one_record(
    same: tuple[tuple[str, str], Iterable[bytes]], changes: _Changes
) -> Iterator[bytes]:
    """Yields one of the records with an id and a content, unless they are taken out."""
    key, records = same
    if key in changes.gone:
        return
    clip_id, content = key
    example = tf.train.Example.FromString(next(iter(records)))
    if clip_id in changes.several:
        own_id = f"{clip_id}&content={content[:_DIGITS]}"
        example.features.feature["clip_id"].bytes_list.value[0] = own_id.encode()
    yield example.SerializeToString(deterministic=True)
