"""Writes predictions to a table, in memory that does not grow with their number."""

import json
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from vggish.errors import ConfigError
from vggish.output_files import check_output, output_file

if TYPE_CHECKING:
    from pipeline.predict.clip_prediction import Prediction

TABLE_SUFFIXES = (".parquet", ".csv")
_ROWS_A_BATCH = 1024


def check_table_path(path: str) -> None:
    """Checks that a table can be written to a path, whose folder is made.

    Raises:
        ConfigError: The name ends with none of `TABLE_SUFFIXES`, or the file cannot be written.
    """
    if not path.endswith(TABLE_SUFFIXES):
        raise ConfigError(
            f"{path} must end with one of {', '.join(TABLE_SUFFIXES)}; name such a file."
        )
    check_output(path)


def write_predictions(predictions: "Iterable[Prediction]", path: str) -> tuple[int, int]:
    """Writes one row per file: `fname`, `label`, `labels`, `error` and `score_<class>`.

    The column `unfamiliarity` is there if the model tells. `labels` is a list of texts; CSV, which
    has no lists, holds it as JSON. The table appears when it is complete. The first answer decides
    the columns.

    Args:
        predictions: The predictions.
        path: A path that `check_table_path` accepts.

    Returns:
        The number of files, and the number of files without an answer.
    """
    rows = iter(predictions)
    first, classes = _until_first_answer(rows)
    tells = bool(first) and first[-1].unfamiliarity is not None
    is_parquet = path.endswith(".parquet")
    schema = pa.schema(
        [
            ("fname", pa.string()),
            ("label", pa.string()),
            ("labels", pa.list_(pa.string()) if is_parquet else pa.string()),
            ("error", pa.string()),
        ]
        + [("unfamiliarity", pa.float32())] * tells
        + [(f"score_{name}", pa.float32()) for name in classes]
    )
    files = failures = 0
    writer_class = pa.parquet.ParquetWriter if is_parquet else pa.csv.CSVWriter
    with output_file(path) as file, writer_class(str(file), schema) as writer:
        while batch := [*first, *islice(rows, _ROWS_A_BATCH)]:
            first = []
            writer.write_table(_table(batch, classes, schema))
            files += len(batch)
            failures += sum(row.error is not None for row in batch)
    return files, failures


def _until_first_answer(rows: "Iterable[Prediction]") -> "tuple[list[Prediction], list[str]]":
    """Returns the rows up to the first with an answer, and its classes."""
    seen = []
    for row in rows:
        seen.append(row)
        if row.error is None:
            return seen, sorted(row.scores)
    return seen, []


def _table(rows: "list[Prediction]", classes: list[str], schema: pa.Schema) -> pa.Table:
    labels: list[Any] = [row.labels for row in rows]
    if schema.field("labels").type == pa.string():
        labels = [json.dumps(names, ensure_ascii=False) for names in labels]
    columns = [
        [row.clip for row in rows],
        [row.label for row in rows],
        labels,
        [row.error for row in rows],
        *([[row.unfamiliarity for row in rows]] if "unfamiliarity" in schema.names else []),
        *([row.scores.get(name) for row in rows] for name in classes),
    ]
    arrays = [pa.array(column, kind.type) for column, kind in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
