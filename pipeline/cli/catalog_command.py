"""The commands that show a data set before any run: `catalog` and `init`."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from pipeline.cli.options import (
    DataRootOption,
    JobArgument,
    JsonOption,
    OverridesOption,
    read_overrides,
)
from vggish.output_files import check_output
from vggish.quiet_tensorflow import import_tensorflow_quietly


def catalog(
    job: JobArgument,
    data_root: DataRootOption = None,
    csv: Annotated[
        str | None, typer.Option(help="Write a table of every file.", metavar="FILE")
    ] = None,
    overrides: OverridesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the contents of a data set: classes, hours, splits and refused files."""
    from pipeline.jobs import open_job

    if csv is not None:
        check_output(csv)
    opened = open_job(job, read_overrides(overrides, data_root, None))
    import_tensorflow_quietly()
    from pipeline.catalog.catalog import read_catalog, write_catalog_csv
    from pipeline.catalog.catalog_page import print_catalog
    from pipeline.config_checks import warnings_of_local_paths

    settings = opened.config
    for warning in warnings_of_local_paths(settings) if "://" in settings.source.root else ():
        print(f"Warning: {warning}", file=sys.stderr)
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
    for sentence in opened.found:
        print(sentence, file=sys.stderr)
    if as_json:
        clips = {"root": taken.root, **taken.summary, "complaint": taken.complaint}
        print(json.dumps(clips, indent=2, ensure_ascii=False))
    else:
        print_catalog(taken, Console(highlight=False))


def init(
    place: Annotated[
        str,
        typer.Argument(help="Folder of sounds, or table of embeddings.", metavar="FOLDER|TABLE"),
    ],
) -> None:
    """Print a configuration for sounds or embeddings, with what was found in them."""
    from pipeline.catalog.first_configuration import look_into, to_yaml
    from pipeline.catalog.first_embeddings import is_table, look_into_table, table_to_yaml

    if is_table(place):
        print(table_to_yaml(look_into_table(place)), end="")
    else:
        print(to_yaml(look_into(place)), end="")
