"""The commands that run the pipeline on this machine: `demo` and `run`."""

import sys
import traceback
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from pipeline.cli.options import (
    CheckpointOption,
    DataRootOption,
    JobArgument,
    NetworkOption,
    OverridesOption,
    read_overrides,
)

if TYPE_CHECKING:
    from pipeline.jobs import Job
    from pipeline.runners.run_folder import RunFolder


def run_demo(
    output: Annotated[Path, typer.Option(help="The run's folder.", metavar="DIR")] = Path(
        "runs/demo"
    ),
) -> None:
    """Synthesize a small sound set, run the whole pipeline on it, and predict on a new sound."""
    from pipeline.demo.demo_run import make_sounds, predict_held_back
    from pipeline.jobs import open_job
    from pipeline.runners.run_folder import open_run_folder

    folder = open_run_folder(output)
    with folder.alone(
        partial(print, file=sys.stderr)
    ):  # Another demo may be learning from these sounds.
        sounds = make_sounds(folder)
    print(f"Synthesized sounds: {sounds}")
    summary = run_quietly(open_job("demo", {"source.root": str(sounds)}), output)
    _print_results(summary, folder)
    if summary["pushed_path"]:
        print(f"New sound:          {predict_held_back(summary['pushed_path'])}")


def run_job(
    job: JobArgument,
    data_root: DataRootOption = None,
    output: Annotated[
        Path | None,
        typer.Option(help="The run's folder; default: runs/NAME of the job.", metavar="DIR"),
    ] = None,
    network: NetworkOption = None,
    checkpoint: CheckpointOption = None,
    overrides: OverridesOption = None,
) -> None:
    """Run a job on this machine: from sounds to a pushed model and a report."""
    from pipeline.jobs import open_job
    from pipeline.runners.run_folder import open_run_folder

    opened = open_job(job, read_overrides(overrides, data_root, checkpoint, network))
    for sentence in opened.found:
        print(sentence, file=sys.stderr)
    output = output or opened.output
    _print_results(run_quietly(opened, output), open_run_folder(output))


def run_quietly(job: "Job", output: Path) -> dict[str, Any]:
    """Runs a job with a quiet screen.

    Args:
        job: The job.
        output: The run's folder.

    Returns:
        The run's summary.

    Raises:
        VggishError: The job or its data is wrong.
        NodeError: A node failed.
    """
    from pipeline.cli.console import NodeProgress, quiet
    from pipeline.config_checks import check_config, check_output
    from pipeline.runners.local_run import run_locally
    from pipeline.runners.run_folder import open_run_folder

    check_output(job.config.source, output)
    config = check_config(job.config)
    folder = open_run_folder(output)
    with quiet(folder.log) as console:
        try:
            with NodeProgress(console) as progress:
                return run_locally(config, folder, progress)
        except BaseException:
            # Standard error is the log by now.
            traceback.print_exc()
            raise


def _print_results(summary: dict[str, Any], folder: "RunFolder") -> None:
    from pipeline.cli.results_table import results_table
    from pipeline.cli.run_summary import format_summary
    from pipeline.runners.run_comparisons import RunComparison

    print(format_summary(summary, folder))
    if len(summary["models"]) > 1:
        compared = RunComparison(folder.root, datetime.now(), summary["models"])
        Console(highlight=False).print("", results_table([compared]), sep="\n")
