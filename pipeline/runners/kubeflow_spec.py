"""Compiles the pipeline to one file for Kubeflow Pipelines 2 and Vertex AI."""

import json
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import (
    KubeflowV2DagRunner,
    KubeflowV2DagRunnerConfig,
)
from tfx.orchestration.pipeline import Pipeline

from components.audio_example_gen.component import AudioExampleGen
from components.network_importer.component import NetworkImporter
from components.pushed_model_finder.component import PushedModelFinder
from pipeline.create_pipeline import Places, create_pipeline, push_destination
from schema.config.config import Config
from schema.config.delivery_settings import NodeResources
from schema.config.run_settings import RunSettings, node_kind
from vggish.errors import ConfigError
from vggish.output_files import output_file
from vggish.suggestions import suggest

RUN_PARAMETERS = ("data_root", "checkpoint", "push_destination")
"""The parameters of a run: the fields of `Places`."""

_Resources = pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec.ResourceSpec

# The inputs of these nodes can change while parameters and artifacts stay the same; the caches of
# Kubeflow and Vertex AI look at nothing else.
_UNCACHED = (AudioExampleGen, NetworkImporter, PushedModelFinder)


def compile_pipeline(config: Config, image: str, root: str | None) -> dict[str, Any]:
    """Compiles the pipeline.

    Args:
        config: The configuration, with the `task` of every model decided.
        image: The container image of all nodes.
        root: The output folder, like `--output` of a local run: artifacts go to its folder
            `pipeline`, models to `serving`. None leaves it to each run.

    Returns:
        The pipeline's specification, in the schema 2.1 of Kubeflow Pipelines. Its parameters are
        `RUN_PARAMETERS`, with defaults from the configuration if they are valid on other machines.

    Raises:
        ConfigError: Kubeflow cannot run the configuration.
    """
    if config.push.validate_in == "docker":
        raise ConfigError(
            "push.validate_in: docker needs a Docker engine, which Kubeflow containers lack; "
            "set it to process."
        )
    pipeline = create_pipeline(
        config,
        Places(*(RuntimeParameter(name=name, ptype=str) for name in RUN_PARAMETERS)),
        pipeline_root=f"{root}/pipeline" if root else "",
    )
    _assign_resources(pipeline, config.resources)
    runner = KubeflowV2DagRunner(
        KubeflowV2DagRunnerConfig(default_image=image, use_pipeline_spec_2_1=True)
    )
    spec = runner.run(pipeline, write_out=False)["pipelineSpec"]
    if root:
        spec["defaultPipelineRoot"] = f"{root}/pipeline"
    for name, value in _defaults(config, root).items():
        spec["root"]["inputDefinitions"]["parameters"][name]["defaultValue"] = value
    for node in pipeline.components:
        task = spec["root"]["dag"]["tasks"][node.id]
        if isinstance(node, _UNCACHED):
            task["cachingOptions"] = {}
        if config.run.retries:
            task["retryPolicy"] = _retry_policy(config.run)
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())  # Checks the changes.
    return spec


def write_spec(spec: dict[str, Any], file: Path) -> None:
    """Writes a specification as JSON, which is valid YAML; Kubeflow requires the suffix `.yaml`."""
    with output_file(file) as draft:
        draft.write_text(json.dumps(spec, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def _defaults(config: Config, root: str | None) -> dict[str, str]:
    """Lists the default values that are valid on every machine."""
    folder = config.push.folder or (f"{root}/serving" if root else None)
    places = {
        "data_root": config.source.root,
        "checkpoint": config.features.checkpoint,
        "push_destination": folder,
    }
    # A path may exist on the cluster as well, but not below this machine's home folder.
    values = {name: path for name, path in places.items() if path and not path.startswith("~")}
    if "push_destination" in values:
        values["push_destination"] = push_destination(values["push_destination"])
    return values


def _retry_policy(run: RunSettings) -> dict[str, Any]:
    """Returns the retry policy of a container; these engines retry after any failure."""
    return {
        "maxRetryCount": run.retries,
        "backoffDuration": f"{run.retry_wait_seconds:g}s",
        "backoffFactor": 2.0,
    }


def _assign_resources(pipeline: Pipeline, resources: dict[str, NodeResources]) -> None:
    nodes = list(pipeline.components)
    known = {"default"}.union(*(_names(node) for node in nodes))
    for name in resources:
        if name not in known:
            raise ConfigError(
                f"The section resources names {name!r}, which is not a node of this pipeline; "
                f"{suggest(name, sorted(known))}"
            )
    for node in nodes:
        asked = next((resources[name] for name in _names(node) if name in resources), None)
        if asked is not None:
            node.with_platform_config(_resource_spec(asked))


def _names(node: BaseNode) -> tuple[str, ...]:
    """Lists the names of a node in a configuration, the most specific one first."""
    return node.id, node_kind(node.id), "default"


def _resource_spec(asked: NodeResources) -> Any:
    spec = _Resources(cpu_limit=asked.cpu or 0, memory_limit=asked.memory_gb or 0)
    if asked.accelerator:
        spec.accelerator.type = asked.accelerator
        spec.accelerator.count = asked.accelerators
    return spec
