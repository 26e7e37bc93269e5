"""Records that all tasks of a cluster share, however few files they were read from."""

import math
import zlib

import apache_beam as beam

from components.embedding_exporter.clip_batches import NamedRecord

_RECORDS_A_GROUP = 64
"""A group is in memory as a whole: 1.6 MB of log-mel of one-second clips."""


class SpreadRecords(beam.PTransform):
    """Deals records to the tasks of a cluster by their content.

    A task reads whole files, and there may be as few as one a task, of any size. `beam.Reshuffle`
    would not do: Flink 1.19 takes records for shuffled already if their files were.

    Args:
        records: Number of records, about.
    """

    def __init__(self, records: int):
        super().__init__()
        self._groups = math.ceil(records / _RECORDS_A_GROUP) or 1

    def expand(self, records: beam.PCollection) -> beam.PCollection:
        """See the class."""
        groups = self._groups
        return (
            records
            | "Group"
            >> beam.Map(lambda record: (group_of(record, groups), record)).with_output_types(
                tuple[int, NamedRecord]
            )
            | beam.GroupByKey()
            | "Ungroup" >> beam.FlatMap(lambda group: group[1]).with_output_types(NamedRecord)
        )


def group_of(record: NamedRecord, groups: int) -> int:
    """Returns the number of a record's group, the same in every attempt."""
    return zlib.crc32(record[1]) % groups
