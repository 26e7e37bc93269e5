"""`audioset_embeddings`: the features that AudioSet and YouTube-8M release instead of sound."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.audio_example_gen.sources.listing import SourceFile
from components.audio_example_gen.sources.unassigned_files import UnassignedFiles
from components.file_trees.file_tree import FileTree
from components.file_trees.refusals import RefusedError, Reject
from schema.config.source_settings import SourceSettings
from vggish.embedding.audio_set_records import parse_class_names
from vggish.params import AUDIO_EMBEDDING_FEATURE_NAME, EMBEDDING_SIZE

_EXTENSION = ".tfrecord"


@dataclass(frozen=True)
class ReleasedClip:
    """One released clip.

    Attributes:
        clip_id: Video and its seconds, as a media fragment (W3C, Media Fragments URI).
        video: Id of the video; the clips of a video must be in one split.
        labels: The class names.
        embedding: float32 [n, 128], n >= 1, one row per second; quantised values as numbers in
            [-2, 2].
        seconds: Length of the clip.
        record: Place of the record, such as `a.tfrecord#record=3`.
    """

    clip_id: str
    video: str
    labels: tuple[str, ...]
    embedding: np.ndarray
    seconds: float
    record: str


def find_records(settings: SourceSettings, tree: FileTree) -> UnassignedFiles:
    """Finds the record files below the root, without reading them.

    Args:
        settings: The source.
        tree: The root.

    Returns:
        Every `.tfrecord` file.
    """
    del settings
    files, others = [], 0
    for entry in tree.walk():
        if entry.path.lower().endswith(_EXTENSION):
            files.append(SourceFile(entry.path, entry.size, entry.modified, refused=entry.refused))
        else:
            others += 1
    return UnassignedFiles(tuple(files), other_files=others)


def read_class_names(settings: SourceSettings, tree: FileTree) -> tuple[str, ...] | None:
    """Reads the names of AudioSet's classes.

    Args:
        settings: The source.
        tree: The root.

    Returns:
        The names of class 0, 1, ...; None if `source.class_names` gives no file.

    Raises:
        DataSetError: The file is not AudioSet's class_labels_indices.csv.
    """
    if settings.class_names is None:
        return None
    text = tree.read(settings.class_names).decode("utf-8-sig", errors="replace")
    return parse_class_names(text, settings.class_names)


def read_released_clips(
    tree: FileTree, file_id: str, names: tuple[str, ...] | None, settings: SourceSettings
) -> Iterator[ReleasedClip | tuple[str, Reject]]:
    """Reads a record file.

    Args:
        tree: The root.
        file_id: Path of the file below the root, from which record ids are made.
        names: The class names by number.
        settings: The source; `classes` are the only classes.

    Yields:
        A clip for every record, or the id and the reason of a refusal. The rest of a
        file after a damaged record cannot be read, and is refused as one.

    Raises:
        OSError: The storage or this machine failed.
    """
    try:
        with tree.local(file_id) as path:
            yield from _read_records(path, file_id, names, settings)
    except RefusedError as error:
        yield file_id, Reject(error.reason, str(error))


def _read_records(
    path: str, file_id: str, names: tuple[str, ...] | None, settings: SourceSettings
) -> Iterator[ReleasedClip | tuple[str, Reject]]:
    import tensorflow as tf

    # A data set would trace a graph for each of a release's thousands of small files.
    records = tf.compat.v1.io.tf_record_iterator(path)
    number = 0
    while True:
        record_id = f"{file_id}#record={number}"
        try:
            yield _parse(next(records), names, settings, record_id)
        except StopIteration:
            return
        except tf.errors.DataLossError as error:
            detail = f"damaged after {number} records: {error.message}"
            yield record_id, Reject("unreadable", detail)
            return
        except RefusedError as error:
            yield record_id, Reject(error.reason, str(error))
        number += 1


def _parse(
    record: bytes, names: tuple[str, ...] | None, settings: SourceSettings, record_id: str
) -> ReleasedClip:
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        example = tf.train.SequenceExample.FromString(record)
    except DecodeError as error:
        raise RefusedError(
            "unreadable", f"{record_id} is not a SequenceExample: {error}."
        ) from error
    context = example.context.feature
    video = b"".join(context["video_id"].bytes_list.value).decode(errors="replace")
    if not video:
        raise RefusedError("unreadable", f"{record_id} has no video_id.")
    embedding = _embedding(
        example.feature_lists.feature_list[AUDIO_EMBEDDING_FEATURE_NAME].feature, record_id
    )
    start = _number(context["start_time_seconds"], 0.0)
    end = _number(context["end_time_seconds"], start + len(embedding))
    labels = _labels(context["labels"].int64_list.value, names, settings, record_id)
    clip_id = f"{video}#t={start:.10g},{end:.10g}"
    return ReleasedClip(clip_id, video, labels, embedding, end - start, record_id)


def _number(feature: Any, default: float) -> float:
    values = feature.float_list.value
    return values[0] if values and math.isfinite(values[0]) else default


def _embedding(steps: Sequence[Any], record_id: str) -> np.ndarray:
    """Reads one row per second, as bytes (AudioSet's release) or as numbers: float32 [n, 128]."""
    from vggish.networks.pca_postprocessor import (
        dequantize,  # The served model computes with the same numbers.
    )

    if not steps:
        raise RefusedError("empty", f"{record_id} has no {AUDIO_EMBEDDING_FEATURE_NAME}.")
    quantised = [b"".join(step.bytes_list.value) for step in steps]
    if all(len(row) == EMBEDDING_SIZE for row in quantised):
        rows = np.frombuffer(b"".join(quantised), np.uint8).reshape(-1, EMBEDDING_SIZE)
        return dequantize(rows.astype(np.float32))
    numbers = [step.float_list.value for step in steps]
    if not all(len(row) == EMBEDDING_SIZE for row in numbers):
        raise RefusedError("unreadable", f"{record_id} has rows without {EMBEDDING_SIZE} values.")
    embedding = np.asarray(numbers, np.float32)
    if not np.isfinite(embedding).all():
        raise RefusedError("non_finite", f"{record_id} has features that are not finite numbers.")
    return embedding


def _labels(
    numbers: Sequence[int],
    names: tuple[str, ...] | None,
    settings: SourceSettings,
    record_id: str,
) -> tuple[str, ...]:
    if not numbers:
        raise RefusedError("no_label", f"{record_id} has no labels.")
    if names is None:
        labels = [str(number) for number in numbers]
    else:
        labels = [names[number] for number in numbers if 0 <= number < len(names)]
    if settings.classes is not None:
        labels = [label for label in labels if label in settings.classes]
    if not labels:
        raise RefusedError("unknown_label", f"{record_id} has unknown labels {list(numbers)}.")
    return tuple(dict.fromkeys(labels))
