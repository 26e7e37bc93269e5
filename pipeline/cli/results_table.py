"""What models came to, over runs and output folders."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from components.evaluation_results import SCORE_BY_TASK
from pipeline.runners.run_folder import RunFolder
from vggish.errors import ConfigError

_COMPARISON_TYPE = "components.ModelComparison"


@dataclass(frozen=True)
class Comparison:
    """The models of one run.

    Attributes:
        folder: The run's output folder.
        when: When they were compared.
        models: A row a model, as `summary.json` has them in `models`.
    """

    folder: Path
    when: datetime
    models: list[dict[str, Any]]


def read_comparisons(path: Path) -> list[Comparison]:
    """Reads every comparison that ML Metadata knows of in a run's output folder.

    Args:
        path: The output folder.

    Returns:
        The comparisons, the earliest first.

    Raises:
        ConfigError: The folder is no run's.
    """
    folder = RunFolder(path.expanduser().absolute())
    if not folder.metadata.is_file():
        files = list(folder.artifacts.glob("ModelSelector/comparison/*/comparison.json"))
        if not files:
            raise ConfigError(f"{path} is no run's output folder: it has no metadata.db.")
        # ML Metadata is on a server, which may not be reached from here.
        return sorted((_read(path, file) for file in files), key=lambda found: found.when)
    import ml_metadata
    from ml_metadata.proto import metadata_store_pb2

    connection = metadata_store_pb2.ConnectionConfig()
    connection.sqlite.filename_uri = str(folder.metadata)
    connection.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READONLY
    store = ml_metadata.MetadataStore(connection)
    try:
        artifacts = store.get_artifacts_by_type(_COMPARISON_TYPE)
    except ml_metadata.errors.NotFoundError:
        artifacts = []
    live = [a for a in artifacts if a.state == metadata_store_pb2.Artifact.LIVE]
    return [
        Comparison(
            path,
            datetime.fromtimestamp(artifact.create_time_since_epoch / 1000),
            json.loads(Path(artifact.uri, "comparison.json").read_text()),
        )
        for artifact in sorted(live, key=lambda artifact: artifact.create_time_since_epoch)
    ]


def _read(path: Path, file: Path) -> Comparison:
    when = datetime.fromtimestamp(file.stat().st_mtime)
    return Comparison(path, when, json.loads(file.read_text()))


def results_table(comparisons: Iterable[Comparison]) -> Table:
    """Lays models out side by side, those of a run together and the best on eval first."""
    comparisons = list(comparisons)
    random = any(m["weights"] == "random" for c in comparisons for m in c.models)
    caption = "VGGish has seeded random weights, NOT the released ones." if random else None
    table = Table(box=None, pad_edge=False, caption=caption, caption_justify="left")
    table.add_column("model", overflow="fold")
    table.add_column("features", overflow="fold")
    for heading in ("trained", "eval", "test"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for comparison in comparisons:
        if len(comparisons) > 1:
            # A line of its own: beside the models there is no room for it on a narrow terminal.
            table.add_row(f"{comparison.folder.name} {comparison.when:%m-%d %H:%M}", style="bold")
        for model in sorted(comparison.models, key=lambda model: -_score(model, "eval")):
            fate = "pushed" if model["chosen"] and model["blessed"] else ""
            table.add_row(
                model["name"],
                model["features"],
                _short_count(model["trainable_parameters"]),
                f"{_score(model, 'eval'):.3f}",
                _test_score(model),
                fate if model["blessed"] else "not blessed",
            )
    return table


def _score(model: dict[str, Any], split: str) -> float:
    return model["metrics"][split][SCORE_BY_TASK[model["task"]]]


def _test_score(model: dict[str, Any]) -> str:
    interval = model["metrics"].get("test_intervals", {}).get(SCORE_BY_TASK[model["task"]])
    score = f"{_score(model, 'test'):.3f}"
    return score if interval is None else f"{score} ({interval[0]:.2f}-{interval[1]:.2f})"


def _short_count(count: int) -> str:
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if count >= size:
            return f"{count / size:.1f} {letter}"
    return str(count)
