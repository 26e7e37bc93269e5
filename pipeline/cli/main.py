"""The command line, `vggish-tfx`: assembles the commands and turns errors into exit codes."""

import os
import sys
from collections.abc import Callable
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from pipeline.cli.catalog_command import catalog, init
from pipeline.cli.cluster_commands import compile_job, submit_job
from pipeline.cli.detect_commands import detect, plot
from pipeline.cli.predict_command import predict
from pipeline.cli.process_exit import EXIT_FAILURE, EXIT_WRONG_INPUT, Interruption
from pipeline.cli.results_command import results
from pipeline.cli.run_commands import run_demo, run_job
from pipeline.cli.tuned_command import tuned
from pipeline.cli.vggish_commands import check_network, convert, distance, embed
from pipeline.runners.retries import TimeLimitError, error_chain
from vggish.errors import VggishError

app = typer.Typer(
    name="vggish-tfx",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS: dict[str, dict[str, tuple[Callable[..., None], str]]] = {
    "Start here": {
        "demo": (run_demo, "demo"),
        "run": (run_job, "run sounds/ --checkpoint vggish_model.ckpt"),
    },
    "Data": {
        "catalog": (catalog, "catalog sounds/"),
        "init": (init, "init sounds/"),
    },
    "Models": {
        "predict": (predict, "predict runs/job recordings/ -o predictions.parquet"),
        "detect": (detect, "detect runs/job recordings/ -o events.csv"),
        "plot": (plot, "plot recording.flac events.csv -o events.html"),
        "results": (results, "results runs/*"),
        "tuned": (tuned, "tuned runs/job -o tuned.yaml"),
    },
    "VGGish without a pipeline": {
        "embed": (embed, "embed sounds/ -o embeddings.parquet"),
        "distance": (distance, "distance sounds/ generated/ --network yamnet"),
        "convert": (convert, "convert vggish_model.ckpt -o vggish/"),
        "check": (check_network, "check --checkpoint vggish_model.ckpt"),
    },
    "Clusters": {
        "compile": (compile_job, "compile job.yaml --image IMAGE -o pipeline.yaml"),
        "submit": (
            submit_job,
            "submit job.yaml --image IMAGE --root gs://BUCKET/sounds --host https://KUBEFLOW",
        ),
    },
}
"""By the groups of the help, each command's function, and an example of its use."""

for _group, _commands in COMMANDS.items():
    for _name, (_command, _example) in _commands.items():
        app.command(_name, rich_help_panel=_group, epilog=f"Example: vggish-tfx {_example}")(
            _command
        )


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # Slow to import, for a rare question.

        print(f"vggish-tfx {version('vggish-tfx')}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Version.")
    ] = False,
) -> None:
    """From a folder of labelled sounds to a served audio classifier."""


def _explain(error: BaseException) -> tuple[int, str]:
    """Turns an error into an exit code and one sentence."""
    chain = error_chain(error)
    ours = [e for e in chain if isinstance(e, VggishError)]
    if ours:
        return EXIT_WRONG_INPUT, str(ours[0])
    if late := [e for e in chain if isinstance(e, TimeLimitError)]:
        return EXIT_FAILURE, str(late[0])
    texts = " ".join(str(e) for e in chain)
    if "No space left on device" in texts or "database or disk is full" in texts:
        return EXIT_FAILURE, (
            "The disk is full; free some space and run the same command again, it continues after "
            "the last finished node."
        )
    root = str(chain[-1]).strip().splitlines()
    reason = root[-1] if root else type(chain[-1]).__name__
    where = f"{error} " if len(chain) > 1 else ""
    return EXIT_FAILURE, f"{where}{type(chain[-1]).__name__}: {reason}"


def main() -> None:
    """Runs the command line; the exit code is 0, 1 (a failure), 2 (wrong input) or 130 (Ctrl-C)."""
    interruption = Interruption()
    interruption.watch()
    try:
        app(standalone_mode=True)
    except Exception as error:
        # Libraries turn Ctrl-C into errors of their own.
        if not interruption.happened:
            _fail(error)
    finally:
        if interruption.happened:  # Typer turns Ctrl-C into a silent SystemExit.
            interruption.end_process()


def _fail(error: Exception) -> NoReturn:
    """Prints an error's sentence, and ends with its exit code."""
    code, sentence = _explain(error)
    # Not wrapped: nobody can copy a path that is cut in two.
    Console(stderr=True, highlight=False).print(f"Error: {sentence}", markup=False, soft_wrap=True)
    if any(isinstance(cause, TimeLimitError) for cause in error_chain(error)):
        # The interrupted node's threads may still be running; Python would wait for them. Its
        # half-run generators would end as well, each with a traceback on the screen.
        os._exit(code)
    sys.exit(code)
