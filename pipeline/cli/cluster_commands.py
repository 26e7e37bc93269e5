"""The commands for clusters: `compile` and `submit`."""

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.options import (
    CheckpointOption,
    DataRootOption,
    JobArgument,
    NetworkOption,
    OverridesOption,
    read_overrides,
)
from vggish.errors import ConfigError
from vggish.output_files import check_output

if TYPE_CHECKING:
    from schema.config.config import Config

ImageOption = Annotated[str, typer.Option(help="The container image; see the Dockerfile.")]
ROOT_HELP = (
    "The output folder, such as gs://BUCKET/sounds: artifacts go to its folder `pipeline`, models "
    "to `serving`."
)


def compile_job(  # noqa: PLR0913  Its arguments are the options of the command.
    job: JobArgument,
    image: ImageOption,
    root: Annotated[str | None, typer.Option(help=ROOT_HELP, metavar="URL")] = None,
    data_root: DataRootOption = None,
    network: NetworkOption = None,
    checkpoint: CheckpointOption = None,
    overrides: OverridesOption = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write.", metavar="FILE")
    ] = Path("pipeline.yaml"),
) -> None:
    """Compile a job to a pipeline file for Kubeflow Pipelines or Vertex AI."""
    check_output(output)
    from pipeline.jobs import open_job

    opened = open_job(job, read_overrides(overrides, data_root, checkpoint, network))
    spec = _compile(opened.config, image, root)
    from pipeline.runners.kubeflow_spec import write_spec

    write_spec(spec, output)
    open_ones = _without_default(spec)
    hint = f"; a run needs values for {', '.join(open_ones)}" if open_ones else ""
    print(f"{output}: {len(spec['root']['dag']['tasks'])} nodes{hint}")


def submit_job(  # noqa: PLR0913  Its arguments are the options of the command.
    job: JobArgument,
    image: ImageOption,
    root: Annotated[str, typer.Option(help=ROOT_HELP, metavar="URL")],
    project: Annotated[
        str | None, typer.Option(help="Google Cloud project; runs on Vertex AI.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="Vertex AI region, such as europe-west4.")
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(help="Address of a Kubeflow Pipelines server; runs on it.", metavar="URL"),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the run; default: the job's name.")
    ] = None,
    data_root: DataRootOption = None,
    network: NetworkOption = None,
    checkpoint: CheckpointOption = None,
    overrides: OverridesOption = None,
) -> None:
    """Start a job on Vertex AI (--project and --region) or Kubeflow Pipelines (--host)."""
    from pipeline.jobs import open_job

    if (host is None) == (project is None) or (project is None) != (region is None):
        raise ConfigError(
            "The target is missing or ambiguous; pass either --host, or --project and --region."
        )
    opened = open_job(job, read_overrides(overrides, data_root, checkpoint, network))
    spec = _compile(opened.config, image, root)
    if missing := _without_default(spec):
        raise ConfigError(
            f"The cluster's value of {', '.join(missing)} is missing; pass "
            f"{', '.join('--' + key.replace('_', '-') for key in missing)}."
        )
    from pipeline.cli.console import quiet
    from pipeline.runners.kubeflow_spec import write_spec
    from pipeline.runners.submission import submit_to_kubeflow, submit_to_vertex

    # The services' clients print every attempt.
    with tempfile.TemporaryDirectory() as folder, quiet(Path(os.devnull)):
        file = Path(folder, "pipeline.yaml")
        write_spec(spec, file)
        if host is not None:
            page = submit_to_kubeflow(file, host=host, name=name or opened.name)
        else:
            page = submit_to_vertex(
                file, project=str(project), region=str(region), name=name or opened.name
            )
    print(f"Started: {page}")


def _compile(config: "Config", image: str, root: str | None) -> dict[str, Any]:
    from pipeline.cli.console import quiet
    from pipeline.config_checks import check_config_without_data, warnings_of_local_paths

    checked = check_config_without_data(config)
    for warning in warnings_of_local_paths(checked) if root and "://" in root else ():
        print(f"Warning: {warning}", file=sys.stderr)
    with quiet(Path(os.devnull)):  # TFX prints a lot while it loads.
        from pipeline.runners.kubeflow_spec import compile_pipeline

        return compile_pipeline(checked, image, root.rstrip("/") if root else None)


def _without_default(spec: dict[str, Any]) -> list[str]:
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    return sorted(name for name, parameter in parameters.items() if "defaultValue" not in parameter)
