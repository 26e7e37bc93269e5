"""The scores of every window as a Parquet table."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from vggish.errors import ConfigError
from vggish.output_files import output_file

_ROWS_A_GROUP = 4096

WriteScores = Callable[[str, np.ndarray], None]
"""Takes a recording's name, and the scores of its windows, float32 [n, classes]."""


def check_score_path(path: str) -> None:
    """Checks that scores can be written to a path.

    Raises:
        ConfigError: The name does not end with `.parquet`.
    """
    if not path.endswith(".parquet"):
        raise ConfigError(f"{path} must end with .parquet, which holds lists of scores.")


@contextmanager
def open_score_table(path: str, classes: list[str], hop_seconds: float) -> Iterator[WriteScores]:
    """Opens a table with one row a window: `file`, `start` in seconds, and `scores`, a list.

    The names of the scores are in the table's metadata, as JSON under `classes`. The table appears
    at the end of the block.

    Args:
        path: Path or address; its folder is made if necessary.
        classes: Class names, in the order of the scores.
        hop_seconds: Seconds between the starts of windows.

    Yields:
        A function that writes the windows of one recording.
    """
    scores_type = pa.list_(pa.float32(), len(classes))
    schema = pa.schema(
        [("file", pa.string()), ("start", pa.float64()), ("scores", scores_type)],
        metadata={"classes": json.dumps(classes, ensure_ascii=False)},
    )
    waiting: list[pa.Table] = []

    def flush() -> None:
        if waiting:
            writer.write_table(pa.concat_tables(waiting), row_group_size=_ROWS_A_GROUP)
            waiting.clear()

    def write(file: str, scores: np.ndarray) -> None:
        starts = np.round(np.arange(len(scores)) * hop_seconds, 6)
        values = pa.FixedSizeListArray.from_arrays(pa.array(scores.ravel()), type=scores_type)
        columns = [pa.array([file] * len(scores), pa.string()), pa.array(starts), values]
        waiting.append(pa.table(columns, schema=schema))
        if sum(map(len, waiting)) >= _ROWS_A_GROUP:
            flush()

    with output_file(path) as draft, pa.parquet.ParquetWriter(str(draft), schema) as writer:
        yield write
        flush()
