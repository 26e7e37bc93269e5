"""The command that writes what a search for settings found as a configuration: `tuned`."""

from pathlib import Path
from typing import Annotated

import typer

from vggish.output_files import check_output, output_file


def tuned(
    folder: Annotated[Path, typer.Argument(help="Output folder of a run.", metavar="DIR")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write.", metavar="FILE")
    ] = None,
) -> None:
    """Print the configuration with the settings that the last run's `tune` found."""
    import yaml

    from pipeline.runners.past_runs import read_past_runs
    from pipeline.runners.tuned_config import tuned_config

    if output is not None:
        check_output(output)
    config = tuned_config(read_past_runs(folder)[-1])
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    if output is None:
        print(text, end="")
        return
    with output_file(output) as draft:
        draft.write_text(text, encoding="utf-8")
