"""Proving of what was written that no group and no sound is in two splits."""

import hashlib
import json
from collections.abc import Iterable, Iterator

import apache_beam as beam
import tensorflow as tf

from vggish.errors import DataSetError

_Trace = tuple[tuple[str, str], dict[str, str]]
"""What must be in one split (its kind and name), and a clip that has it by that clip's split."""


def traces_of(
    clip_id: str, split: str, group: str | None, content: bytes | None
) -> Iterator[_Trace]:
    """Yields what a written clip must not share with a clip of another split.

    Args:
        clip_id: The clip's.
        split: Where it is written to.
        group: The clip's group, or None.
        content: What is written; None where it says nothing, as silence.
    """
    if group is not None:
        yield ("group", group), {split: clip_id}
    if content is not None:
        digest = hashlib.blake2b(content, digest_size=16).hexdigest()
        yield ("content", digest), {split: clip_id}


def merge_traces(clips_by_split: Iterable[dict[str, str]]) -> dict[str, str]:
    """Joins the clips by split of one trace."""
    merged: dict[str, str] = {}
    for clips in clips_by_split:
        for split, clip_id in clips.items():
            merged[split] = min(clip_id, merged.get(split, clip_id))
    return merged


def check_leaks(leaks: Iterable[tuple[str, dict[str, str]]]) -> None:
    """Raises where something is in two splits.

    Args:
        leaks: The kind of each trace that is, and a clip that has it by that clip's split.

    Raises:
        DataSetError: There are any.
    """
    ordered = sorted(leaks, key=lambda leak: sorted(leak[1].items()))
    if not ordered:
        return
    kind, clips = ordered[0]
    what = "are of one group" if kind == "group" else "are the same sound"
    named = " and ".join(f"{clip_id} ({split})" for split, clip_id in sorted(clips.items()))
    raise DataSetError(
        f"{named} {what}, but in different splits, and {len(ordered) - 1} more such pairs are; "
        "remove one clip of each pair, or give both the same group."
    )


class WriteLeaks(beam.PTransform):
    """Writes the traces that are in two splits, normally none, as JSON lines.

    Args:
        path: Of the file.
    """

    def __init__(self, path: str):
        super().__init__()
        self._path = path

    def expand(self, traces: beam.PCollection) -> beam.PCollection:
        """Adds the steps to the pipeline."""
        return (
            traces
            | "Meet" >> beam.CombinePerKey(merge_traces)
            | "Straddling" >> beam.Filter(lambda trace: len(trace[1]) > 1)
            | "ToJson"
            >> beam.MapTuple(lambda key, clips: json.dumps([key[0], clips], ensure_ascii=False))
            | "Write" >> beam.io.WriteToText(self._path, shard_name_template="")
        )


def read_leaks(path: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yields what `WriteLeaks` found: its kind, and a clip that has it by that clip's split."""
    with tf.io.gfile.GFile(path) as lines:
        for line in lines:
            kind, clips = json.loads(line)
            yield kind, clips
