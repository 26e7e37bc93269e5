"""What the columns of a table of embeddings mean."""

import collections
import re
from dataclasses import dataclass

import pyarrow as pa

from schema.config.source_settings import TableSettings
from vggish.errors import DataSetError

_LISTS = ("embedding", "embeddings")
"""Names of columns of lists that are found without a setting."""

_PREFIX = "emb_"
_SHOWN = 8


@dataclass(frozen=True)
class TableColumns:
    """Names of the columns of a table; None if the table lacks it.

    Attributes:
        vectors: The numbers of a vector, in their order; or the one column of lists.
        size: Numbers of a vector, D; None if only the rows of lists tell.
    """

    fname: str | None
    labels: str | None
    group: str | None
    fold: str | None
    split: str | None
    time: str | None
    vectors: tuple[str, ...]
    size: int | None

    @property
    def heads(self) -> list[str]:
        """The columns of a row but for its vector."""
        every = (self.fname, self.labels, self.group, self.fold, self.split, self.time)
        return list(dict.fromkeys(column for column in every if column is not None))


def find_columns(
    schema: pa.Schema, table: TableSettings, name: str, *, labelled: bool = True
) -> TableColumns:
    """Finds the columns.

    Args:
        schema: Columns of the table.
        table: Settings of the table.
        name: Name of the table, for messages.
        labelled: Whether the table must have a column of labels.

    Returns:
        The columns.

    Raises:
        DataSetError: A column is missing, or there are no vectors.
    """

    def named(key: str, default: str) -> str | None:
        column: str | None = getattr(table, key)
        if column is not None and column not in schema.names:
            raise _missing(column, schema, name)
        return column or (default if default in schema.names else None)

    if labelled and table.labels not in schema.names:
        raise _missing(table.labels, schema, name)
    vectors, size = _find_vectors(schema, table.vectors, name)
    return TableColumns(
        fname=named("fname", "fname"),
        labels=table.labels if table.labels in schema.names else None,
        group=named("group", "group"),
        fold=named("fold", "fold"),
        split=named("split", "split"),
        time=named("time", "start_seconds"),
        vectors=vectors,
        size=size,
    )


def _missing(column: str, schema: pa.Schema, name: str) -> DataSetError:
    return DataSetError(
        f"{name} has no column {column!r}; it has {_some(schema.names)}, so say which column means "
        "what under source.tables."
    )


def _some(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:_SHOWN]))
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def _find_vectors(
    schema: pa.Schema, wanted: str | None, name: str
) -> tuple[tuple[str, ...], int | None]:
    """Returns the columns of the vectors, and their size."""
    lists = [
        column
        for column in ((wanted,) if wanted else _LISTS)
        if column in schema.names and _is_list(schema.field(column).type)
    ]
    if lists:
        return (lists[0],), _list_size(schema.field(lists[0]).type)
    numbered: dict[str, dict[int, str]] = collections.defaultdict(dict)
    for column in schema.names:
        if match := re.fullmatch(r"(.*?)(0|[1-9][0-9]*)", column):
            numbered[match[1]][int(match[2])] = column
    from_zero = [prefix for prefix, columns in numbered.items() if 0 in columns]
    prefix = wanted or (_PREFIX if _PREFIX in numbered else from_zero[0] if from_zero else _PREFIX)
    if wanted is None and prefix != _PREFIX and len(from_zero) > 1:
        raise DataSetError(
            f"{name} has the numbered columns {_some([f'{prefix}0' for prefix in from_zero])}; set "
            "`vectors` of the table to the prefix of those that are the embedding."
        )
    columns = numbered.get(prefix)
    if not columns:
        raise DataSetError(
            f"{name} has no columns {prefix}0, {prefix}1 and so on; it has {_some(schema.names)}, "
            "so set `vectors` of the table to the prefix of the embedding's columns."
        )
    size = max(columns) + 1
    gap = next((number for number in range(size) if number not in columns), None)
    if gap is not None:
        raise DataSetError(
            f"{name} has a column {columns[size - 1]!r}, but no {f'{prefix}{gap}'!r}; the columns "
            "of a vector are numbered from 0 without gaps."
        )
    return tuple(columns[number] for number in range(size)), size


def _is_list(kind: pa.DataType) -> bool:
    types = pa.types
    return types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)


def _list_size(kind: pa.DataType) -> int | None:
    while _is_list(kind):
        if pa.types.is_fixed_size_list(kind) and not _is_list(kind.value_type):
            return kind.list_size
        kind = kind.value_type
    return None
