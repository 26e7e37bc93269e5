"""The AudioExampleGen node."""

from typing import Any

from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import Noise, Rejects
from components.audio_example_gen.executor import Executor
from components.audio_example_gen.sources.handed_listing import hand_on, take_or_list
from components.fingerprint import FingerprintDriver
from schema.config.ingest_settings import IngestSettings
from schema.config.source_settings import SourceSettings, read_source_settings
from schema.config.split_settings import SplitSettings


class AudioExampleGenSpec(ComponentSpec):
    """The inputs, outputs and parameters of AudioExampleGen."""

    PARAMETERS = {
        "data_root": ExecutionParameter(type=str),
        "source": ExecutionParameter(type=str),
        "ingest": ExecutionParameter(type=str),
        "split": ExecutionParameter(type=str),
    }
    INPUTS: dict = {}
    OUTPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "noise": ChannelParameter(type=Noise),
        "rejects": ChannelParameter(type=Rejects),
    }


class AudioExampleGen(BaseBeamComponent):
    """Turns labelled sound files into clip examples.

    Outputs: `examples`, TFRecords of clip examples in the splits train, eval and test and,
    if there are clips without labels, unlabelled; `noise`, the sounds to mix into clips;
    `rejects`, the refused files with their reasons, and the counts.

    Args:
        source: Kind of source, and how it gives labels.
        data_root: Root of the source; replaces the one in `source`.
        ingest: Which clips are accepted.
        split: How clips are assigned to splits.
    """

    SPEC_CLASS = AudioExampleGenSpec
    EXECUTOR_SPEC = BeamExecutorSpec(Executor)
    DRIVER_CLASS = FingerprintDriver

    def __init__(
        self,
        source: SourceSettings,
        data_root: str | RuntimeParameter,
        *,
        ingest: IngestSettings,
        split: SplitSettings,
    ):
        super().__init__(
            AudioExampleGenSpec(
                data_root=data_root,
                source=source.model_dump_json(exclude={"root"}),
                ingest=ingest.model_dump_json(),
                split=split.model_dump_json(),
                examples=Channel(type=standard_artifacts.Examples),
                noise=Channel(type=Noise),
                rejects=Channel(type=Rejects),
            )
        )

    @staticmethod
    def fingerprint(_: dict[str, list[Artifact]], exec_properties: dict[str, Any]) -> str:
        """Returns a text that changes when a sound is added, removed or changed."""
        source = read_source_settings(exec_properties)
        split = SplitSettings.model_validate_json(exec_properties["split"])
        listing = take_or_list("driver", source, split)
        hand_on("executor", source, split, listing)
        return listing.fingerprint
