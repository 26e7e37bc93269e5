from pathlib import Path

import apache_beam as beam
import pytest
from beam_pipelines import TestPipeline

from components.audio_example_gen.leaks import WriteLeaks, check_leaks, read_leaks, traces_of
from vggish.errors import DataSetError


def check(folder: Path, *clips: tuple[str, str, str | None, bytes | None]) -> None:
    path = str(folder / "leaks.jsonl")
    traces = [trace for clip in clips for trace in traces_of(*clip)]
    with TestPipeline() as pipeline:
        pipeline | beam.Create(traces) | WriteLeaks(path)
    check_leaks(read_leaks(path))


def test_splits_that_share_nothing_pass(tmp_path: Path) -> None:
    check(
        tmp_path,
        ("a", "train", "ann", b"1"),
        ("b", "train", "ann", b"1"),
        ("c", "test", "bob", b"2"),
        ("d", "eval", None, b"3"),
    )


def test_silence_is_no_content(tmp_path: Path) -> None:
    check(tmp_path, ("a", "train", None, None), ("b", "test", None, None))


@pytest.mark.parametrize(
    ("clips", "message"),
    [
        (
            [("b", "train", "ann", b"1"), ("a", "train", "ann", b"2"), ("c", "test", "ann", b"3")],
            "c (test) and a (train) are of one group, but in different splits, and 0 more",
        ),
        (
            [("a", "train", None, b"1"), ("c", "eval", None, b"1"), ("d", "test", None, b"1")],
            "c (eval) and d (test) and a (train) are the same sound",
        ),
    ],
)
def test_what_is_in_two_splits_is_named(tmp_path: Path, clips: list, message: str) -> None:
    with pytest.raises(DataSetError) as error:
        check(tmp_path, *clips)
    assert message in str(error.value)
