"""The commands that bring a job to a cluster: `compile` and `submit`."""

import os
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.options import Checkpoint, ConfigFile, DataRoot, Overrides, read_overrides
from vggish.errors import ConfigError

Image = Annotated[str, typer.Option(help="The container image; see the Dockerfile.")]
ROOT_HELP = (
    "The output folder, such as gs://BUCKET/sounds: artifacts go to its `pipeline`, models to its "
    "`serving`."
)


def register(app: typer.Typer) -> None:
    """Adds the commands.

    Args:
        app: The command line.
    """
    app.command("compile")(compile_job)
    app.command("submit")(submit)


def compile_job(  # noqa: PLR0913  Its arguments are the options of the command.
    config: ConfigFile,
    image: Image,
    root: Annotated[str | None, typer.Option(help=ROOT_HELP, metavar="URL")] = None,
    data_root: DataRoot = None,
    checkpoint: Checkpoint = None,
    overrides: Overrides = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write.", metavar="FILE")
    ] = Path("pipeline.yaml"),
) -> None:
    """Write a job down as a pipeline of Kubeflow or Vertex AI."""
    spec = _compile(config, read_overrides(overrides, data_root, checkpoint), image, root)
    _write(spec, output)
    open_ones = _without_default(spec)
    hint = f"; a run must be given {', '.join(open_ones)}" if open_ones else ""
    print(f"{output}: {len(spec['root']['dag']['tasks'])} nodes{hint}")


def submit(  # noqa: PLR0913  Its arguments are the options of the command.
    config: ConfigFile,
    image: Image,
    root: Annotated[str, typer.Option(help=ROOT_HELP, metavar="URL")],
    project: Annotated[str | None, typer.Option(help="Of Google Cloud: run on Vertex AI.")] = None,
    region: Annotated[str | None, typer.Option(help="Of Vertex AI.")] = None,
    host: Annotated[
        str | None,
        typer.Option(help="Of Kubeflow Pipelines: run on this server.", metavar="URL"),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the run; default: CONFIG's.")] = None,
    data_root: DataRoot = None,
    checkpoint: Checkpoint = None,
    overrides: Overrides = None,
) -> None:
    """Start a job on Vertex AI (--project and --region) or Kubeflow Pipelines (--host)."""
    if (host is None) == (project is None) or (project is None) != (region is None):
        raise ConfigError("Say where to run: either --host, or --project and --region.")
    spec = _compile(config, read_overrides(overrides, data_root, checkpoint), image, root)
    if missing := _without_default(spec):
        raise ConfigError(
            f"Nothing says what {', '.join(missing)} is on the cluster; pass "
            f"{', '.join('--' + key.replace('_', '-') for key in missing)}."
        )
    from pipeline.cli.console import quiet
    from pipeline.runners.submission import submit_to_kubeflow, submit_to_vertex

    # The services' clients tell of every attempt.
    with tempfile.TemporaryDirectory() as folder, quiet(Path(os.devnull)):
        file = Path(folder, "pipeline.yaml")
        _write(spec, file)
        if host is not None:
            page = submit_to_kubeflow(file, host=host, name=name or config.stem)
        else:
            page = submit_to_vertex(
                file, project=str(project), region=str(region), name=name or config.stem
            )
    print(f"Started: {page}")


def _compile(config: Path, values: dict[str, Any], image: str, root: str | None) -> dict[str, Any]:
    from pipeline.cli.console import quiet
    from pipeline.config_checks import check_unseen
    from schema.config.config_file import load_config

    checked = check_unseen(load_config(config, values))
    with quiet(Path(os.devnull)):  # TFX has much to say while it loads.
        from pipeline.runners.kubeflow_spec import compile_pipeline

        return compile_pipeline(checked, image, root.rstrip("/") if root else None)


def _write(spec: dict[str, Any], file: Path) -> None:
    from pipeline.runners.kubeflow_spec import write_spec

    write_spec(spec, file)


def _without_default(spec: dict[str, Any]) -> list[str]:
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    return sorted(name for name, parameter in parameters.items() if "defaultValue" not in parameter)
