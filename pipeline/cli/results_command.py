"""The command that compares the models of past runs: `results`."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.cli.options import JsonOption
from vggish.output_files import check_output, output_file


def results(
    folders: Annotated[list[Path], typer.Argument(help="Output folders of runs.", metavar="DIR…")],
    csv: Annotated[
        Path | None, typer.Option(help="Write a table with one row a model.", metavar="FILE")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show every model that runs have trained, the best first, and in what the runs differ."""
    from pipeline.cli.output.results_table import results_csv, results_rows, results_table
    from pipeline.runners.past_runs import read_past_runs

    if csv is not None:
        check_output(csv)
    runs = [run for folder in folders for run in read_past_runs(folder)]
    if csv is not None:
        with output_file(csv) as draft:
            draft.write_text(results_csv(runs), encoding="utf-8")
    if as_json:
        print(json.dumps(results_rows(runs), indent=2, ensure_ascii=False))
    else:
        Console(highlight=False).print(results_table(runs))
