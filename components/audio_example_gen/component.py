"""The AudioExampleGen node."""

from typing import Any

from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import standard_artifacts
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import Noise, Rejects
from components.audio_example_gen.executor import Executor
from components.audio_example_gen.settings import IngestSettings, SourceSettings, SplitSettings
from components.audio_example_gen.sources import list_source
from components.fingerprint import FingerprintDriver


class Driver(FingerprintDriver):
    """Makes the node run again when a sound comes, goes or changes."""

    def fingerprint(self, exec_properties: dict[str, Any]) -> str:
        """Returns the fingerprint of the source's listing."""
        return list_source(
            SourceSettings.model_validate_json(exec_properties["source"]),
            SplitSettings.model_validate_json(exec_properties["split"]),
        ).fingerprint


class AudioExampleGenSpec(ComponentSpec):
    """The inputs, outputs and parameters of AudioExampleGen."""

    PARAMETERS = {
        "source": ExecutionParameter(type=str),
        "ingest": ExecutionParameter(type=str),
        "split": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
    }
    INPUTS: dict = {}
    OUTPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "noise": ChannelParameter(type=Noise),
        "rejects": ChannelParameter(type=Rejects),
    }


class AudioExampleGen(BaseBeamComponent):
    """Turns labelled sound files into clip examples.

    Outputs: `examples`, gzip TFRecords of clip examples in the splits train, eval and test and,
    only where there are clips without labels, unlabelled; `noise`, the sounds to mix into clips;
    `rejects`, the refused files with their reasons, and the counts.
    """

    SPEC_CLASS = AudioExampleGenSpec
    EXECUTOR_SPEC = BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(
        self,
        source: SourceSettings,
        ingest: IngestSettings,
        split: SplitSettings,
        code_version: str,
    ):
        super().__init__(
            AudioExampleGenSpec(
                source=source.model_dump_json(),
                ingest=ingest.model_dump_json(),
                split=split.model_dump_json(),
                code_version=code_version,
                examples=Channel(type=standard_artifacts.Examples),
                noise=Channel(type=Noise),
                rejects=Channel(type=Rejects),
            )
        )
