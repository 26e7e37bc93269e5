"""The commands that run the pipeline on this machine: `demo` and `run`."""

import sys
import traceback
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from pipeline.cli.options import (
    CheckpointOption,
    ConfigFile,
    DataRootOption,
    NetworkOption,
    OverridesOption,
    read_overrides,
)

DEMO_CONFIG = Path(__file__).resolve().parents[2] / "configs" / "demo.yaml"


def run_demo(
    output: Annotated[Path, typer.Option(help="The run's folder.", metavar="DIR")] = Path(
        "runs/demo"
    ),
) -> None:
    """Synthesize a small sound set, run the whole pipeline on it, and predict on a new sound."""
    from pipeline.demo.demo_run import make_sounds, predict_held_back
    from pipeline.runners.run_folder import open_run_folder

    folder = open_run_folder(output)
    with folder.alone(
        partial(print, file=sys.stderr)
    ):  # Another demo may be learning from these sounds.
        sounds = make_sounds(folder)
    print(f"Synthesized sounds: {sounds}")
    summary = _run(DEMO_CONFIG, output, {"source.root": str(sounds)})
    if summary["pushed_path"]:
        print(f"New sound:          {predict_held_back(summary['pushed_path'])}")


def run_job(
    config: ConfigFile,
    data_root: DataRootOption = None,
    output: Annotated[
        Path | None, typer.Option(help="The run's folder; default: runs/CONFIG.", metavar="DIR")
    ] = None,
    network: NetworkOption = None,
    checkpoint: CheckpointOption = None,
    overrides: OverridesOption = None,
) -> None:
    """Run a job on this machine: from sounds to a pushed model and a report."""
    values = read_overrides(overrides, data_root, checkpoint, network)
    _run(config, output or Path("runs", config.stem), values)


def _run(config_path: Path, output: Path, overrides: dict[str, Any]) -> dict[str, Any]:
    """Runs a job with a quiet screen, and prints its results."""
    from pipeline.cli.console import NodeProgress, quiet
    from pipeline.cli.results_table import results_table
    from pipeline.cli.run_summary import format_summary
    from pipeline.config_checks import check_config
    from pipeline.runners.local_run import run_locally
    from pipeline.runners.run_comparisons import RunComparison
    from pipeline.runners.run_folder import open_run_folder
    from schema.config.config_file import load_config

    config = check_config(load_config(config_path, overrides))
    folder = open_run_folder(output)
    with quiet(folder.log) as console:
        try:
            with NodeProgress(console) as progress:
                summary = run_locally(config, folder, progress)
        except BaseException:
            # Standard error is the log by now.
            traceback.print_exc()
            raise
    print(format_summary(summary, folder))
    if len(summary["models"]) > 1:
        compared = RunComparison(folder.root, datetime.now(), summary["models"])
        Console(highlight=False).print("", results_table([compared]), sep="\n")
    return summary
