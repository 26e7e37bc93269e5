"""The command that looks at a data set before any run: `catalog`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn


def register(app: typer.Typer) -> None:
    """Adds the command to the command line."""
    app.command()(catalog)


def catalog(
    config: Annotated[Path, typer.Argument(help="The job's YAML file.")],
    data_root: Annotated[
        str | None,
        typer.Option(help="The folder of sounds; overrides source.root.", metavar="DIR"),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(help="Write a table of every file.", metavar="FILE")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a value, such as split.seed=1.", metavar="KEY=VALUE"),
    ] = None,
) -> None:
    """Show what a data set holds: classes, hours, splits, and what would be refused."""
    from pipeline.catalog.catalog import take_catalog, write_csv
    from pipeline.catalog.catalog_page import print_catalog
    from schema.config.config_file import load_config, parse_overrides

    values = parse_overrides(overrides or [])
    if data_root is not None:
        values["source.root"] = data_root
    settings = load_config(config, values)
    columns = (TextColumn("reading"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)

        def advance(count: int) -> None:
            if progress.tasks[0].total is None:
                progress.update(task, total=count)
            else:
                progress.advance(task, count)

        taken = take_catalog(settings.source, settings.ingest, settings.split, advance)
    if csv is not None:
        write_csv(taken.rows, csv)
    print_catalog(taken, Console(highlight=False))
