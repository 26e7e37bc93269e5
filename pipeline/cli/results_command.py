"""The command that compares the models of past runs: `results`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def results(
    folders: Annotated[list[Path], typer.Argument(help="Output folders of runs.", metavar="DIR…")],
) -> None:
    """Show every model that runs have trained, side by side."""
    from pipeline.cli.results_table import results_table
    from pipeline.runners.run_comparisons import read_comparisons

    comparisons = [comparison for folder in folders for comparison in read_comparisons(folder)]
    Console(highlight=False).print(results_table(comparisons))
