from pathlib import Path

import apache_beam as beam
import pytest
from beam_pipelines import TestPipeline

from components.audio_example_gen.leaks import (
    AcceptedFile,
    TraceBatches,
    WriteLeaks,
    check_groups,
    read_leaks,
    traces_of,
)
from vggish.errors import DataSetError


def leaks(folder: Path, *clips: tuple[str, str, str | None, str | None]) -> list:
    path = str(folder / "leaks.jsonl")
    collected = TraceBatches()
    traces = [
        trace
        for clip_id, split, group, digest in clips
        for trace in traces_of(
            AcceptedFile(clip_id, split, (("x", 1),)), group, [digest] if digest else []
        )
    ]
    batches = [batch for trace in traces for batch in collected.add(trace)]
    with TestPipeline() as pipeline:
        pipeline | beam.Create([*batches, *collected.rest()]) | WriteLeaks(path)
    return sorted((kind, [file.key for file in files]) for kind, files in read_leaks(path))


def test_what_shares_nothing_leaves_no_trace(tmp_path: Path) -> None:
    assert not leaks(
        tmp_path,
        ("a", "train", "ann", "1"),
        ("b", "train", "ann", "4"),
        ("c", "test", "bob", "2"),
        ("d", "eval", None, "3"),
        ("e", "eval", None, None),
        ("f", "test", None, None),
    )


def test_shared_sounds_and_straddling_groups_are_named(tmp_path: Path) -> None:
    found = leaks(
        tmp_path,
        ("a", "train", "ann", "1"),
        ("b", "train", None, "1"),
        ("c", "test", "ann", "2"),
        ("c", "train", None, "2"),
    )
    assert found == [
        ("content", [("test", "c"), ("train", "c")]),
        ("content", [("train", "a"), ("train", "b")]),
        ("group", [("test", "c"), ("train", "a")]),
    ]


def test_a_group_in_two_splits_is_refused_unless_its_copies_are_gone() -> None:
    group = [AcceptedFile("c", "test", (("x", 1),)), AcceptedFile("a", "train", (("x", 1),))]
    check_groups([group], {("train", "a")})
    with pytest.raises(DataSetError, match=r"c \(test\) and a \(train\) are of one group"):
        check_groups([group], set())
