"""Records are dealt to tasks, and none is lost."""

from collections import Counter

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to
from beam_pipelines import TestPipeline

from components.embedding_exporter.spread_records import SpreadRecords, group_of


@pytest.mark.parametrize("expected", [0, 300])
def test_every_record_comes_once(expected: int) -> None:
    records = [("clips-00000-of-00001", f"{number}".encode()) for number in range(300)]
    with TestPipeline() as pipeline:
        spread = pipeline | beam.Create(records) | SpreadRecords(expected)
        assert_that(spread, equal_to(records))


def test_groups_are_of_like_size() -> None:
    records = [("clips-00000-of-00001", f"{number}".encode()) for number in range(6_400)]
    sizes = Counter(group_of(record, 100) for record in records)
    assert len(sizes) == 100
    assert max(sizes.values()) < 2 * 64
