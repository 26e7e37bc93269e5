"""The list of files on its way to the workers."""

from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to
from beam_pipelines import TestPipeline

from components.audio_example_gen import listed_files
from components.audio_example_gen.listed_files import ReadListedFiles
from components.audio_example_gen.sources.listing import SourceFile
from components.file_trees.refusals import Reject


def test_workers_read_what_was_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listed_files, "_MAX_STRETCHES", 3)
    files = [
        SourceFile("dog/a b.wav", size=9, modified=2**62, labels=("dog",), group="g", free=True),
        SourceFile("chat/été\n☂.wav", labels=("chat", "été"), fold="1", split="test"),
        SourceFile("gone.wav", refused=Reject("missing_file", "There is no such file.")),
        *(SourceFile(f"{i}.wav", labels=("dog",), split="train") for i in range(7)),
    ]
    with TestPipeline() as pipeline:
        read = pipeline | ReadListedFiles(str(tmp_path / "list"), files)
        assert_that(read, equal_to(files))


def test_an_empty_list_is_read(tmp_path: Path) -> None:
    with TestPipeline() as pipeline:
        read = pipeline | ReadListedFiles(str(tmp_path / "list"), [])
        assert_that(read, equal_to([]))


def graph_bytes(folder: Path, count: int) -> int:
    pipeline = beam.Pipeline()
    files = [SourceFile(f"class/a_longer_name_{i:07}.wav", labels=("class",)) for i in range(count)]
    _ = pipeline | ReadListedFiles(str(folder / str(count)), files)
    return int(pipeline.to_runner_api().ByteSize())


def test_the_graph_does_not_grow_with_the_files(tmp_path: Path) -> None:
    few, many = graph_bytes(tmp_path, 8_000), graph_bytes(tmp_path, 50_000)
    assert many - few < 10_000  # Larger numbers of bytes, and nothing else.
    assert many < 200_000
