"""One run on this machine: from a configuration to the summary of what came out."""

import json
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from components.audio_example_gen.sources import list_source
from components.report.page import ReportData, render_page
from pipeline.config import Config
from pipeline.console import NodeProgress
from pipeline.run_folder import RunFolder
from vggish.errors import ConfigError


def check(config: Config) -> Config:
    """Checks what can be checked before anything starts, and decides what is left to the data.

    Args:
        config: The configuration.

    Returns:
        The configuration with every model's `task` decided.

    Raises:
        ConfigError: No checkpoint is named, or the models do not suit the source or each other.
        DataSetError: The source has no sounds to learn from.
    """
    checkpoint = config.features.checkpoint
    if checkpoint is None:
        raise ConfigError(
            "No VGGish checkpoint is named; pass --checkpoint with the path of vggish_model.ckpt, "
            "`download` for the released one, or `random` to try the pipeline without it."
        )
    embedded = config.source.kind == "audioset_embeddings"
    if embedded and config.features.pca_params is None:
        raise ConfigError(
            "AudioSet's embeddings were made with a PCA that the served model must know; pass "
            "--set features.pca_params=PATH of vggish_pca_params.npz, or `download`."
        )
    if embedded or config.features.pca_params:
        for model in config.model:
            if model.features != "embedding":
                raise ConfigError(
                    f"The released PCA is of the embedding, not of {model.features!r}; set "
                    "model.features to embedding."
                )
            if model.head == "warm_start":
                raise ConfigError(
                    "The head warm_start learns from sound, and cannot learn through the released "
                    "PCA; choose another model.head, or leave features.pca_params out."
                )
    listing = list_source(config.source, config.split)
    # What AudioSet's records hold only reading them tells; its clips have several labels.
    several = embedded or any(len(file.labels) > 1 for file in listing.files)
    found = "multi_label" if several else "single_label"
    models = tuple(
        model.model_copy(update={"task": found}) if model.task == "auto" else model
        for model in config.model
    )
    if len({model.task for model in models}) > 1:
        raise ConfigError(
            "Models of different tasks cannot be compared; give all of them the same model.task."
        )
    return config.model_copy(update={"model": models})


def run(config: Config, folder: RunFolder, console: Console) -> dict[str, Any]:
    """Runs the pipeline.

    Args:
        config: A configuration as `check` returns it.
        folder: Where everything goes.
        console: Where the progress is shown.

    Returns:
        The summary, as written to the folder.

    Raises:
        NodeError: A node failed.
    """
    begin = time.monotonic()
    with NodeProgress(console) as progress:
        progress.show("loading TensorFlow and TFX")
        from tfx.orchestration.metadata import sqlite_metadata_connection_config

        from pipeline.create_pipeline import Places, create_pipeline, push_destination
        from pipeline.local_runner import LocalRunner, Outcome, output_uri

        connection = sqlite_metadata_connection_config(str(folder.metadata))
        places = Places(
            config.source.root,
            config.features.checkpoint or "",
            push_destination(config.push.folder or str(folder.serving)),
        )
        pipeline = create_pipeline(
            config, places, pipeline_root=str(folder.artifacts), metadata=connection
        )
        LocalRunner(progress, _nodes_to_repeat(folder)).run(pipeline)
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
