"""The table of mean embeddings: one row per clip, one column per feature."""

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.io.parquetio import WriteToParquetBatched

from schema.embedded_clips import FNAME, LABELS, windows_of

_ROWS_A_BATCH = 1024


class WriteMeanTable(beam.PTransform):
    """Writes tables of clips, with their splits, as one row of mean embeddings per clip.

    Args:
        prefix: Beginning of the files' paths.
        size: The size of a window's features.
    """

    def __init__(self, prefix: str, size: int):
        super().__init__()
        self._prefix = prefix
        self._schema = pa.schema(
            [("fname", pa.string()), ("labels", pa.list_(pa.string())), ("split", pa.string())]
            + [(f"emb_{i}", pa.float32()) for i in range(size)]
        )

    def expand(self, clips: beam.PCollection) -> beam.PCollection:
        """Adds the steps to the pipeline."""
        return (
            clips
            | "Average" >> beam.Map(_averaged, self._schema)
            # Each Parquet row group has a header per column.
            | "Batch" >> beam.BatchElements(_ROWS_A_BATCH, _ROWS_A_BATCH, element_size_fn=len)
            | "Concatenate" >> beam.Map(pa.concat_tables)
            | "Write"
            >> WriteToParquetBatched(self._prefix, self._schema, file_name_suffix=".parquet")
        )


def _averaged(named: tuple[str, pa.Table], schema: pa.Schema) -> pa.Table:
    split, clips = named
    lengths, windows = windows_of(clips)
    starts = np.cumsum(lengths) - lengths
    means = np.add.reduceat(windows, starts) / lengths[:, np.newaxis].astype(np.float32)
    columns = [pa.array(column) for column in np.ascontiguousarray(means.T)]
    return pa.Table.from_arrays(
        [clips[FNAME], clips[LABELS], [split] * len(clips), *columns], schema=schema
    )
