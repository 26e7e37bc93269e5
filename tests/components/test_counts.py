"""Counting inside a Beam pipeline."""

from pathlib import Path

import apache_beam as beam
from beam_pipelines import TestPipeline

from components.counts import WriteCounts, read_counts


def test_sums_by_key_are_read_back_in_order(tmp_path: Path) -> None:
    pairs = [(("b",), 1), (("a", "ü"), 2), (("b",), 40), (("a", "ü"), 3)]
    with TestPipeline() as pipeline:
        pipeline | beam.Create(pairs) | WriteCounts(str(tmp_path))
    assert list(read_counts(str(tmp_path))) == [(("a", "ü"), 5), (("b",), 41)]


def test_nothing_counted_is_nothing(tmp_path: Path) -> None:
    with TestPipeline() as pipeline:
        pipeline | beam.Create([]) | WriteCounts(str(tmp_path))
    assert list(read_counts(str(tmp_path))) == []
