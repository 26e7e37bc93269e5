"""The EmbeddingExporter node."""

from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import EmbeddingTable, Rejects
from components.embedding_exporter.executor import Executor


class EmbeddingExporterSpec(ComponentSpec):
    """The inputs, outputs and parameters of EmbeddingExporter."""

    PARAMETERS = {
        "features": ExecutionParameter(type=str),
        "with_table": ExecutionParameter(type=int),
        "cache": ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
        "weights": ChannelParameter(type=standard_artifacts.Model),
        "rejects": ChannelParameter(type=Rejects),
    }
    OUTPUTS = {
        "embeddings": ChannelParameter(type=standard_artifacts.Examples),
        "table": ChannelParameter(type=EmbeddingTable),
    }


class EmbeddingExporter(BaseBeamComponent):
    """Runs the frozen VGGish once over all clips.

    Outputs: `embeddings`, Parquet files of `schema.embedded_clips`, with all windows of a clip;
    `table`, Parquet with one row per clip, averaged over its windows, and one column per feature.

    Args:
        examples: Transform's `transformed_examples`.
        transform_graph: Transform's `transform_graph`.
        weights: The network's weights.
        rejects: AudioExampleGen's `rejects`, for the number of clips.
        features: The layer tap.
        with_table: Whether `table` is written; otherwise it is empty.
        cache: Folder of embeddings that other runs reuse, or None.
    """

    SPEC_CLASS = EmbeddingExporterSpec
    EXECUTOR_SPEC = BeamExecutorSpec(Executor)

    def __init__(  # noqa: PLR0913  Four inputs and three settings.
        self,
        examples: BaseChannel,
        transform_graph: BaseChannel,
        weights: BaseChannel,
        rejects: BaseChannel,
        *,
        features: str,
        with_table: bool,
        cache: str | None = None,
    ):
        super().__init__(
            EmbeddingExporterSpec(
                examples=examples,
                transform_graph=transform_graph,
                weights=weights,
                rejects=rejects,
                features=features,
                with_table=int(with_table),
                cache=cache,
                embeddings=Channel(type=standard_artifacts.Examples),
                table=Channel(type=EmbeddingTable),
            )
        )
