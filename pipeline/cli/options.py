"""The options that several commands share."""

from pathlib import Path
from typing import Annotated, Any

import typer

ConfigFile = Annotated[Path, typer.Argument(help="The job's YAML file.")]
DataRoot = Annotated[
    str | None, typer.Option(help="The folder of sounds; overrides source.root.", metavar="DIR")
]
Checkpoint = Annotated[
    str | None,
    typer.Option(
        help="The path of vggish_model.ckpt, `download` or `random`.",
        metavar="PATH|download|random",
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override a value, such as train.epochs=5.", metavar="KEY=VALUE"),
]


def read_overrides(
    assignments: list[str] | None, data_root: str | None, checkpoint: str | None
) -> dict[str, Any]:
    """Gathers what the command line says beside the configuration.

    Args:
        assignments: Of `--set`.
        data_root: Of `--data-root`.
        checkpoint: Of `--checkpoint`.

    Returns:
        Values by dotted key.

    Raises:
        ConfigError: An assignment is none.
    """
    from schema.config.config_file import parse_overrides

    values = parse_overrides(assignments or [])
    if data_root is not None:
        values["source.root"] = data_root
    if checkpoint is not None:
        values["features.checkpoint"] = checkpoint
    return values
