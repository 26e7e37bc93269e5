"""The commands that run the pipeline on this machine: `demo` and `run`."""

import json
import sys
import traceback
from contextlib import nullcontext
from dataclasses import dataclass
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
    JsonOption,
    NetworkOption,
    OverridesOption,
    QuietOption,
    VerboseOption,
    read_overrides,
)
from pipeline.cli.process_exit import EXIT_FAILURE

if TYPE_CHECKING:
    from pipeline.jobs import Job
    from pipeline.runners.run_folder import RunFolder


def run_demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The run's folder.", metavar="DIR")
    ] = Path("runs/demo"),
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Synthesize a small sound set, run the whole pipeline on it, and predict on a new sound."""
    from pipeline.demo.demo_run import detect_soundscape, make_sounds, predict_held_back
    from pipeline.jobs import open_job
    from pipeline.runners.run_folder import open_run_folder

    folder = open_run_folder(output)
    with folder.alone(
        partial(print, file=sys.stderr)
    ):  # Another demo may be learning from these sounds.
        sounds = make_sounds(folder)
    print(f"Synthesized sounds: {sounds}")
    job = open_job("demo", {"source.root": str(sounds)})
    summary = run_quietly(job, output, Screen(quiet, verbose))
    _print_results(summary, folder)
    if summary["pushed_path"]:
        print(f"New sound:          {predict_held_back(summary['pushed_path'])}")
        print(f"Three minutes:      {folder.root / 'soundscape'}")
        print(detect_soundscape(folder, summary["pushed_path"]))


def run_job(  # noqa: PLR0913  Its arguments are the options of the command.
    job: JobArgument,
    data_root: DataRootOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The run's folder; default: runs/NAME of the job.",
            metavar="DIR",
        ),
    ] = None,
    network: NetworkOption = None,
    checkpoint: CheckpointOption = None,
    fail_if_not_pushed: Annotated[
        bool,
        typer.Option("--fail-if-not-pushed", help="End with exit code 1 if no model was pushed."),
    ] = False,
    overrides: OverridesOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run a job on this machine: from sounds to a pushed model and a report."""
    from pipeline.jobs import open_job
    from pipeline.runners.run_folder import open_run_folder

    opened = open_job(job, read_overrides(overrides, data_root, checkpoint, network))
    for sentence in opened.found:
        print(sentence, file=sys.stderr)
    output = output or opened.output
    summary = run_quietly(opened, output, Screen(quiet, verbose))
    if as_json:
        print(json.dumps(summary, indent=2, ensure_ascii=False))
    else:
        _print_results(summary, open_run_folder(output))
    if fail_if_not_pushed and not summary["pushed_path"]:
        raise typer.Exit(EXIT_FAILURE)


@dataclass(frozen=True)
class Screen:
    """What is shown during a run: nothing, its progress, or also the messages of libraries."""

    quiet: bool = False
    verbose: bool = False


def run_quietly(job: "Job", output: Path, screen: Screen) -> dict[str, Any]:
    """Runs a job, and keeps the messages of libraries from the screen.

    Args:
        job: The job.
        output: The run's folder.
        screen: What is shown instead.

    Returns:
        The run's summary.

    Raises:
        VggishError: The job or its data is wrong.
        NodeError: A node failed.
    """
    from pipeline.cli.console import NodeProgress, follow, quiet
    from pipeline.config_checks import check_config, check_output
    from pipeline.runners.local_run import run_locally
    from pipeline.runners.run_folder import open_run_folder

    check_output(job.config.source, output)
    config = check_config(job.config)
    folder = open_run_folder(output)
    with quiet(folder.log) as console:
        console.quiet = screen.quiet
        log = follow(folder.log, console) if screen.verbose else nullcontext()
        try:
            with NodeProgress(console) as progress, log:
                return run_locally(config, folder, progress)
        except BaseException:
            # Standard error is the log by now.
            traceback.print_exc()
            raise


def _print_results(summary: dict[str, Any], folder: "RunFolder") -> None:
    from pipeline.cli.output.results_table import results_table
    from pipeline.cli.output.run_summary import format_summary
    from pipeline.runners.past_runs import PastRun

    print(format_summary(summary, folder))
    if len(summary["models"]) > 1:
        run = PastRun(folder.root, datetime.now(), summary)
        Console(highlight=False).print("", results_table([run]), sep="\n")
