"""The command that shows a data set before any run: `catalog`."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from pipeline.cli.options import (
    ConfigFile,
    DataRootOption,
    JsonOption,
    OverridesOption,
    read_overrides,
)


def catalog(
    config: ConfigFile,
    data_root: DataRootOption = None,
    csv: Annotated[
        Path | None, typer.Option(help="Write a table of every file.", metavar="FILE")
    ] = None,
    overrides: OverridesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the contents of a data set: classes, hours, splits and refused files."""
    from pipeline.catalog.catalog import read_catalog, write_catalog_csv
    from pipeline.catalog.catalog_page import print_catalog
    from schema.config.config_file import load_config

    settings = load_config(config, read_overrides(overrides, data_root, None))
    columns = (TextColumn("reading"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)

        def advance(count: int) -> None:
            if progress.tasks[0].total is None:
                progress.update(task, total=count)
            else:
                progress.advance(task, count)

        taken = read_catalog(settings.source, settings.ingest, settings.split, advance)
    if csv is not None:
        write_catalog_csv(taken.rows, csv)
    if as_json:
        clips = {"root": taken.root, **taken.summary, "complaint": taken.complaint}
        print(json.dumps(clips, indent=2, ensure_ascii=False))
    else:
        print_catalog(taken, Console(highlight=False))
