"""Proof that no group and no sound was written to two splits."""

import hashlib
import json
from collections.abc import Iterable, Iterator

import apache_beam as beam
import tensorflow as tf

from vggish.errors import DataSetError

_Trace = tuple[tuple[str, str], dict[str, str]]
"""What must be in one split, as `(kind, name)`, and a clip that has it by the clip's split."""


def traces_of(
    clip_id: str, split: str, group: str | None, content: bytes | None
) -> Iterator[_Trace]:
    """Yields the traces of a clip: clips of other splits must not have them.

    Args:
        clip_id: Id of the clip.
        split: Split of the clip.
        group: Group of the clip, or None.
        content: Written content; None if it means nothing, as silence.
    """
    if group is not None:
        yield ("group", group), {split: clip_id}
    if content is not None:
        digest = hashlib.blake2b(content, digest_size=16).hexdigest()
        yield ("content", digest), {split: clip_id}


def merge_traces(clips_by_split: Iterable[dict[str, str]]) -> dict[str, str]:
    """Joins the clips of one trace, by split."""
    merged: dict[str, str] = {}
    for clips in clips_by_split:
        for split, clip_id in clips.items():
            merged[split] = min(clip_id, merged.get(split, clip_id))
    return merged


def check_leaks(leaks: Iterable[tuple[str, dict[str, str]]]) -> None:
    """Raises an error if a trace is in two splits.

    Args:
        leaks: The kind of each trace in two splits, and a clip that has it by the clip's split.

    Raises:
        DataSetError: There is such a trace.
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
    """Writes the traces that are in two splits as JSON lines.

    Args:
        path: Path of the file.
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
    """Yields the leaks that `WriteLeaks` wrote, as `check_leaks` takes them."""
    with tf.io.gfile.GFile(path) as lines:
        for line in lines:
            kind, clips = json.loads(line)
            yield kind, clips
