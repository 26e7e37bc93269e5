"""Options that several commands share."""

from typing import Annotated, Any

import typer

JobArgument = Annotated[
    str,
    typer.Argument(
        help="The job's YAML file, a folder of sounds, a table of embeddings, or the name of a "
        "ready configuration, such as esc50.",
        metavar="JOB",
    ),
]
DataRootOption = Annotated[
    str | None, typer.Option(help="Folder of sounds; overrides source.root.", metavar="DIR")
]
CHECKPOINT = typer.Option(
    help="Path of the network's weights, `download` or `random`.", metavar="PATH|download|random"
)
NETWORK = typer.Option(help="Network: vggish or yamnet.", metavar="NAME")
PCA = typer.Option(help="Path of vggish_pca_params.npz, or `download`.", metavar="PATH")
CheckpointOption = Annotated[str | None, CHECKPOINT]
NetworkOption = Annotated[str | None, NETWORK]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show the results only, not the progress.")
]
VerboseOption = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="Also show the messages of TensorFlow, Beam and TFX."),
]
ServerOption = Annotated[
    str | None,
    typer.Option(help="Ask TensorFlow Serving: http(s)://HOST:8501 or grpc(s)://HOST:8500."),
]
ModelNameOption = Annotated[str, typer.Option(help="The model's name on the server.")]
TimeoutOption = Annotated[float, typer.Option(help="Timeout per request to a server, in seconds.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
OverridesOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override a value, such as train.epochs=5.", metavar="KEY=VALUE"),
]


def read_overrides(
    assignments: list[str] | None,
    data_root: str | None,
    checkpoint: str | None = None,
    network: str | None = None,
) -> dict[str, Any]:
    """Gathers the values that the command line sets over those of the configuration.

    Args:
        assignments: The values of `--set`, each `KEY=VALUE`.
        data_root: The value of `--data-root`.
        checkpoint: The value of `--checkpoint`.
        network: The value of `--network`.

    Returns:
        Values by dotted key.

    Raises:
        ConfigError: An assignment is not KEY=VALUE.
    """
    from schema.config.config_file import parse_overrides

    values = parse_overrides(assignments or [])
    if data_root is not None:
        values["source.root"] = data_root
    if network is not None:
        values["features.network"] = network
    if checkpoint is not None:
        values["features.checkpoint"] = checkpoint
    return values
