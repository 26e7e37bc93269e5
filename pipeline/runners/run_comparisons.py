"""Reads how the models of past runs compare, from ML Metadata or from a run's folder."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.runners.run_folder import RunFolder
from vggish.errors import ConfigError

_COMPARISON_TYPE = "components.ModelComparison"


@dataclass(frozen=True)
class RunComparison:
    """The models of one run.

    Attributes:
        folder: The run's output folder.
        when: The time of the comparison.
        models: One row per model, as in `models` of `summary.json`.
    """

    folder: Path
    when: datetime
    models: list[dict[str, Any]]


def read_comparisons(path: Path) -> list[RunComparison]:
    """Reads every comparison that ML Metadata has for a run's output folder.

    Args:
        path: The output folder.

    Returns:
        The comparisons, the earliest first.

    Raises:
        ConfigError: The folder is not the output folder of a run.
    """
    folder = RunFolder(path.expanduser().absolute())
    if not folder.metadata.is_file():
        files = list(folder.artifacts.glob("ModelSelector/comparison/*/comparison.json"))
        if not files:
            raise ConfigError(
                f"{path} is not a run's output folder, as it has no metadata.db; name one that is."
            )
        # ML Metadata is on a server, which may be out of reach.
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
        RunComparison(
            path,
            datetime.fromtimestamp(artifact.create_time_since_epoch / 1000),
            json.loads(Path(artifact.uri, "comparison.json").read_text()),
        )
        for artifact in sorted(live, key=lambda artifact: artifact.create_time_since_epoch)
    ]


def _read(path: Path, file: Path) -> RunComparison:
    when = datetime.fromtimestamp(file.stat().st_mtime)
    return RunComparison(path, when, json.loads(file.read_text()))
