"""Batches of clips of any length."""

import apache_beam as beam
from apache_beam.testing.util import assert_that, equal_to
from beam_pipelines import TestPipeline

from components.batches_by_windows import BatchByWindows


def test_a_batch_has_few_windows_or_is_one_clip() -> None:
    clips = [b"short"] * 150 + [bytes(1_300)] * 3 + [bytes(3_000)] + [b"x"] * 40
    with TestPipeline() as pipeline:
        sizes = (
            pipeline
            | beam.Create([clips], reshuffle=False)
            | beam.FlatMap(list)
            | BatchByWindows(window_bytes=10)
            | beam.Map(lambda batch: [len(batch), max(len(clip) for clip in batch)])
        )
        # 150 windows, and 130 of the next clip would be too many.
        expected = [[150, 5], [1, 1_300], [1, 1_300], [1, 1_300], [1, 3_000], [40, 1]]
        assert_that(sizes, equal_to(expected))
