"""The NetworkImporter node."""

from typing import Any

import tensorflow as tf
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.fingerprint import FingerprintDriver
from components.network_importer.executor import Executor


class NetworkImporterSpec(ComponentSpec):
    """The outputs and parameters of NetworkImporter."""

    PARAMETERS = {
        "network": ExecutionParameter(type=str),
        "checkpoint": ExecutionParameter(type=str),
        "seed": ExecutionParameter(type=int),
        "pca_params": ExecutionParameter(type=str, optional=True),
        "compute": ExecutionParameter(type=str),
    }
    INPUTS: dict = {}
    # TFX's Trainer takes the weights as its base model, and asks for this type.
    OUTPUTS = {"weights": ChannelParameter(type=standard_artifacts.Model)}


class NetworkImporter(BaseComponent):
    """Turns the released weights of VGGish or another network into the pipeline's weights.

    Output: `weights`, named arrays in one `.npz` file, with their SHA-256, and the precision in
    which the network runs. If the network is unknown, since the source has embeddings instead of
    sound, it only says so.
    """

    SPEC_CLASS = NetworkImporterSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)
    DRIVER_CLASS = FingerprintDriver

    def __init__(
        self,
        network: str | None,
        checkpoint: str | RuntimeParameter,
        seed: int,
        pca_params: str | None,
        compute: str,
    ):
        super().__init__(
            NetworkImporterSpec(
                network=network or "",
                checkpoint=checkpoint,
                seed=seed,
                pca_params=pca_params,
                compute=compute,
                weights=Channel(type=standard_artifacts.Model),
            )
        )

    @staticmethod
    def fingerprint(_: dict[str, list[Artifact]], exec_properties: dict[str, Any]) -> str:
        """Returns names, sizes and times of the checkpoint's and the PCA parameters' files."""
        paths = (exec_properties["checkpoint"], exec_properties.get("pca_params"))
        files = sorted(file for path in paths if path for file in tf.io.gfile.glob(f"{path}*"))
        states = [(file, tf.io.gfile.stat(file)) for file in files]
        return "\n".join(f"{file} {state.length} {state.mtime_nsec}" for file, state in states)
