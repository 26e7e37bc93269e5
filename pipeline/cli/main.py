"""The command line, `vggish-tfx`: thin, and quick to start."""

import dataclasses
import json
import os
import sys
import traceback
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from pipeline.cli import catalog_command, cluster_commands, vggish_commands
from pipeline.cli.console import import_tensorflow_quietly
from pipeline.cli.options import Checkpoint, ConfigFile, DataRoot, Overrides, read_overrides
from vggish.errors import VggishError

EXIT_FAILURE = 1
EXIT_WRONG_INPUT = 2
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="vggish-tfx",
    help="From a folder of labelled sounds to a served audio classifier.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

DEMO_CONFIG = Path(__file__).resolve().parents[2] / "configs" / "demo.yaml"


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="The run's folder.", metavar="DIR")] = Path(
        "runs/demo"
    ),
) -> None:
    """Synthesize a small sound set, run the whole pipeline on it, and predict on a new sound."""
    from pipeline.demo.demo_run import make_sounds, predict_held_back
    from pipeline.runners.run_folder import open_run_folder

    folder = open_run_folder(output)
    sounds = make_sounds(folder)
    print(f"Synthesized sounds: {sounds}")
    summary = _run(DEMO_CONFIG, output, {"source.root": str(sounds)})
    if summary["pushed_path"]:
        print(f"New sound:          {predict_held_back(summary['pushed_path'])}")


@app.command()
def run(
    config: ConfigFile,
    data_root: DataRoot = None,
    output: Annotated[
        Path | None, typer.Option(help="The run's folder; default: runs/CONFIG.", metavar="DIR")
    ] = None,
    checkpoint: Checkpoint = None,
    overrides: Overrides = None,
) -> None:
    """Run a job on this machine: from sounds to a pushed model and a report."""
    values = read_overrides(overrides, data_root, checkpoint)
    _run(config, output or Path("runs", config.stem), values)


@app.command()
def predict(
    arguments: Annotated[
        list[str],
        typer.Argument(
            help="A pushed model, runs/NAME/serving/VERSION, unless --server is given; then sound "
            "files, folders and globs.",
            metavar="[MODEL] AUDIO…",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write a table, .parquet or .csv.", metavar="FILE"),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(help="Ask TensorFlow Serving: http://HOST:8501 or grpc://HOST:8500."),
    ] = None,
    model_name: Annotated[str, typer.Option(help="What the server calls the model.")] = "sounds",
    timeout: Annotated[float, typer.Option(help="Of a request to a server, in seconds.")] = 30.0,
) -> None:
    """Print what a model says of sounds, one JSON line each."""
    import_tensorflow_quietly()
    from pipeline.predict.clip_prediction import load_model, predict_files
    from pipeline.predict.model_server import connect
    from pipeline.predict.prediction_tables import check_table_path, write_predictions
    from vggish.audio.sound_files import find_files

    if output is not None:
        check_table_path(output)
    if server is None:
        model, sounds = load_model(Path(arguments[0])), arguments[1:]
    else:
        model, sounds = connect(server, model_name, timeout), arguments
    predictions = predict_files(find_files(sounds), model)
    if output is not None:
        files, refused = write_predictions(predictions, output)
        print(f"{output}: {files} files, {refused} of them without an answer")
    else:
        refused = 0
        for prediction in predictions:
            refused += prediction.error is not None
            line = {k: v for k, v in dataclasses.asdict(prediction).items() if v}
            print(json.dumps(line, ensure_ascii=False), flush=True)
    if refused:
        raise typer.Exit(EXIT_FAILURE)


@app.command()
def results(
    folders: Annotated[list[Path], typer.Argument(help="Output folders of runs.", metavar="DIR…")],
) -> None:
    """Show every model that runs have trained, side by side."""
    from pipeline.cli.results_table import read_comparisons, results_table

    comparisons = [comparison for folder in folders for comparison in read_comparisons(folder)]
    Console(highlight=False).print(results_table(comparisons))


cluster_commands.register(app)
catalog_command.register(app)
vggish_commands.register(app)


def _run(config_path: Path, output: Path, overrides: dict[str, Any]) -> dict[str, Any]:
    """Runs a job with a quiet screen, and prints what came out."""
    from pipeline.cli.console import quiet
    from pipeline.cli.results_table import Comparison, results_table
    from pipeline.cli.run_summary import format_summary
    from pipeline.config_checks import check
    from pipeline.runners.local_run import run
    from pipeline.runners.run_folder import open_run_folder
    from schema.config.config_file import load_config

    config = check(load_config(config_path, overrides))
    folder = open_run_folder(output)
    with quiet(folder.log) as console:
        try:
            summary = run(config, folder, console)
        except BaseException:
            # Into the log, where the standard error goes by now.
            traceback.print_exc()
            raise
    print(format_summary(summary, folder))
    if len(summary["models"]) > 1:
        compared = Comparison(folder.root, datetime.now(), summary["models"])
        Console(highlight=False).print("", results_table([compared]), sep="\n")
    return summary


def _explain(error: BaseException) -> tuple[int, str]:
    """Turns what went wrong into an exit code and one sentence."""
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    ours = [e for e in chain if isinstance(e, VggishError)]
    if ours:
        return EXIT_WRONG_INPUT, str(ours[0])
    if late := [e for e in chain if _is_late(e)]:
        return EXIT_FAILURE, str(late[0])
    texts = " ".join(str(e) for e in chain)
    if "No space left on device" in texts or "database or disk is full" in texts:
        return EXIT_FAILURE, (
            "The disk is full; free some space and give the same command again, it goes on from "
            "the last finished node."
        )
    root = str(chain[-1]).strip().splitlines()
    reason = root[-1] if root else type(chain[-1]).__name__
    where = f"{error} " if len(chain) > 1 else ""
    return EXIT_FAILURE, f"{where}{type(chain[-1]).__name__}: {reason}"


def _is_late(error: BaseException) -> bool:
    from pipeline.runners.retries import TimeLimitError

    return isinstance(error, TimeLimitError)


def main() -> None:
    """Runs the command line; the exit code is 0, 1 (a fault) or 2 (wrong input)."""
    try:
        app(standalone_mode=True)
    except KeyboardInterrupt:
        Console(stderr=True).print("Interrupted; the same command again goes on from here.")
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:
        code, sentence = _explain(error)
        # Not wrapped: a path that is cut in two cannot be copied.
        Console(stderr=True, highlight=False).print(
            f"Error: {sentence}", markup=False, soft_wrap=True
        )
        if error.__cause__ is not None and _is_late(error.__cause__):
            # The interrupted node's threads may still be at work; Python would wait for them.
            os._exit(code)
        sys.exit(code)
