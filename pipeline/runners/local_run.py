"""One run on this machine: from a configuration to the summary of its results."""

import gc
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.report.page import ReportData, render_page
from pipeline.runners.metadata_store import open_metadata_store
from pipeline.runners.run_folder import RunFolder
from schema.config.config import Config
from schema.config.model_settings import FeatureSettings
from schema.config.run_settings import node_kind

if TYPE_CHECKING:
    from pipeline.runners.local_runner import NodeObserver


def run_locally(config: Config, folder: RunFolder, observer: "NodeObserver") -> dict[str, Any]:
    """Runs the pipeline.

    Args:
        config: A configuration as `pipeline.config_checks.check_config` returns it.
        folder: The output folder.
        observer: Shows the progress.

    Returns:
        The summary, as written to the folder.

    Raises:
        NodeError: A node failed.
        CheckpointError: The checkpoint or the PCA parameters are not VGGish's.
        ConfigError: The metadata store cannot be used, or a time limit names an unknown node.
    """
    begin, when = time.monotonic(), datetime.now()
    with folder.alone(observer.say):
        observer.show("loading TensorFlow and TFX")
        with _without_garbage():
            from pipeline.create_pipeline import Places, create_pipeline, push_destination
            from pipeline.runners.local_runner import LocalRunner, output_uri

        _check_weights(config.features)
        connection = open_metadata_store(config.metadata, folder)
        places = Places(
            config.source.root,
            config.features.checkpoint or "",
            push_destination(config.push.folder or str(folder.serving)),
        )
        pipeline = create_pipeline(
            config, places, pipeline_root=str(folder.artifacts), metadata=connection
        )
        runner = LocalRunner(observer, _nodes_to_repeat(folder), config.run)
        with _without_command_line():
            runner.run(pipeline)

        def output(node: str, key: str) -> Path:
            (execution,) = (run.execution_id for run in runner.runs if run.node == node)
            return Path(output_uri(connection, execution, key))

        data = _read_json(output("Report", "report") / "data.json")
        tables = _tables(folder, [run.node for run in runner.runs], config, output)
    seconds = {run.node: round(run.seconds, 3) for run in runner.runs}
    seconds["total"] = round(time.monotonic() - begin, 3)
    cached = [run.node for run in runner.runs if run.cached]
    summary = data["summary"]
    summary |= {
        "seconds": seconds,
        "cached": cached,
        "test_predictions": str(folder.test_predictions),
        "embeddings": str(folder.embeddings),
    }
    folder.publish(render_page(ReportData(**data)), summary, tables, when)
    return summary


@contextmanager
def _without_command_line() -> Iterator[None]:
    """Hides this process's words from TFX and Beam, which look for options of theirs in them."""
    words, sys.argv = sys.argv, sys.argv[:1]
    try:
        yield
    finally:
        sys.argv = words


def _tables(
    folder: RunFolder, nodes: list[str], config: Config, output: Callable[[str, str], Path]
) -> dict[Path, Path]:
    """Lists the tables of a run by the stable paths where a person finds them."""
    tables = {
        folder.test_predictions: output("BatchPredictor", "test_predictions")
        / folder.test_predictions.name
    }
    for validator in (node for node in nodes if node_kind(node) == "CrossValidator"):
        for file in output(validator, "cross_validation").glob("*.parquet"):
            tables[folder.out_of_fold / file.name] = file
    for file in output("BatchPredictor", "predictions").glob("*.parquet"):
        tables[folder.predictions / file.name] = file
    for shown in (folder.events, folder.recordings):
        if (file := output("BatchPredictor", "events") / shown.name).exists():
            tables[shown] = file
    exporters = [node for node in nodes if node_kind(node) == "EmbeddingExporter"]
    taps = dict.fromkeys(model.features for model in config.model)
    for tap, exporter in zip(taps, exporters, strict=True):
        means = output(exporter, "table").glob("*.parquet")
        named = {file.name.replace("embeddings", tap, 1): file for file in means}
        if not named:  # Too many features for a column each; the windows are there.
            for file in output(exporter, "embeddings").glob("Split-*/*.parquet"):
                split = file.parent.name.removeprefix("Split-")
                named[file.name.replace("clips", f"{tap}-{split}", 1)] = file
        tables |= {folder.embeddings / name: file for name, file in named.items()}
    return tables


@contextmanager
def _without_garbage() -> Iterator[None]:
    """Imports faster, since the collector does not look at half a million objects that stay."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _nodes_to_repeat(folder: RunFolder) -> list[str]:
    """Returns the Pusher if someone deleted the model that it pushed last, or a part of it."""
    from components.pushed_models import is_whole_model

    if not folder.summary.exists():
        return []
    pushed = _read_json(folder.summary)["pushed_path"]
    return ["Pusher"] if pushed and not is_whole_model(pushed) else []


def _read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def _check_weights(features: FeatureSettings) -> None:
    """Reads the files of weights before any node runs, instead of after hours of ingestion."""
    from vggish.networks.pca_postprocessor import load_postprocessor
    from vggish.weights.checkpoint import DOWNLOAD, RANDOM, resolve

    if features.checkpoint not in (None, DOWNLOAD, RANDOM):
        resolve(features.checkpoint, network=features.network)
    if features.pca_params not in (None, DOWNLOAD):
        load_postprocessor(features.pca_params)
