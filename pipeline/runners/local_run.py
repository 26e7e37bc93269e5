"""One run on this machine: from a configuration to the summary of its results."""

import gc
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from components.report.page import ReportData, render_page
from pipeline.runners.metadata_store import open_metadata_store
from pipeline.runners.run_folder import RunFolder
from schema.config.config import Config
from schema.config.model_settings import FeatureSettings

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
    begin = time.monotonic()
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
        runner.run(pipeline)
        (report,) = (run.execution_id for run in runner.runs if run.node == "Report")
        data = _read_json(os.path.join(output_uri(connection, report, "report"), "data.json"))
    seconds = {run.node: round(run.seconds, 3) for run in runner.runs}
    seconds["total"] = round(time.monotonic() - begin, 3)
    cached = [run.node for run in runner.runs if run.cached]
    data["summary"] |= {"seconds": seconds, "cached": cached}
    folder.write(render_page(ReportData(**data)), data["summary"])
    return data["summary"]


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


def _read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    import tensorflow as tf

    with tf.io.gfile.GFile(os.fspath(path)) as file:
        return json.loads(file.read())


def _check_weights(features: FeatureSettings) -> None:
    """Reads the files of weights before any node runs, instead of after hours of ingestion."""
    from vggish.networks.pca_postprocessor import load_postprocessor
    from vggish.weights.checkpoint import DOWNLOAD, RANDOM, resolve

    if features.checkpoint not in (None, DOWNLOAD, RANDOM):
        resolve(features.checkpoint, network=features.network)
    if features.pca_params not in (None, DOWNLOAD):
        load_postprocessor(features.pca_params)
