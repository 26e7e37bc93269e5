"""One run on this machine: from a configuration to the summary of what came out."""

import json
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from components.report.page import ReportData, render_page
from pipeline.cli.console import NodeProgress
from pipeline.runners.metadata_store import connect
from pipeline.runners.run_folder import RunFolder
from schema.config.config import Config


def run(config: Config, folder: RunFolder, console: Console) -> dict[str, Any]:
    """Runs the pipeline.

    Args:
        config: A configuration as `pipeline.config_checks.check` returns it.
        folder: Where everything goes.
        console: Where the progress is shown.

    Returns:
        The summary, as written to the folder.

    Raises:
        NodeError: A node failed.
        ConfigError: The metadata store cannot be used, or a time limit is of no node.
    """
    begin = time.monotonic()
    with NodeProgress(console) as progress, folder.alone(progress.say):
        progress.show("loading TensorFlow and TFX")
        from pipeline.create_pipeline import Places, create_pipeline, push_destination
        from pipeline.runners.local_runner import LocalRunner, Outcome, output_uri

        connection = connect(config.metadata, folder)
        places = Places(
            config.source.root,
            config.features.checkpoint or "",
            push_destination(config.push.folder or str(folder.serving)),
        )
        pipeline = create_pipeline(
            config, places, pipeline_root=str(folder.artifacts), metadata=connection
        )
        LocalRunner(progress, _nodes_to_repeat(folder), config.run).run(pipeline)
        runs = {run.node: run for run in progress.runs}
        data = _read_json(
            Path(output_uri(connection, runs["Report"].execution_id, "report"), "data.json")
        )
    seconds = {run.node: round(run.seconds, 3) for run in progress.runs}
    seconds["total"] = round(time.monotonic() - begin, 3)
    cached = [run.node for run in progress.runs if run.outcome is Outcome.CACHED]
    data["summary"] |= {"seconds": seconds, "cached": cached}
    folder.write(render_page(ReportData(**data)), data["summary"])
    return data["summary"]


def _nodes_to_repeat(folder: RunFolder) -> list[str]:
    """Names the Pusher where the model that it pushed last was taken away since."""
    if not folder.summary.exists():
        return []
    pushed = _read_json(folder.summary)["pushed_path"]
    return ["Pusher"] if pushed and not Path(pushed).exists() else []


def _read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())
