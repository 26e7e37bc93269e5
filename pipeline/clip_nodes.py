"""The nodes that all models share: from sound files to log-mel windows, and the network."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from tfx.components.statistics_gen.component import StatisticsGen
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.data_types import RuntimeParameter

from components.audio_example_gen.component import AudioExampleGen
from components.example_validator.component import ExampleValidator
from components.network_importer.component import NetworkImporter
from components.schema_importer.component import SchemaImporter
from components.transform.component import Transform
from schema.config.config import Config

SCHEMA_FOLDER = Path(__file__).resolve().parents[1] / "schema"
_SCHEMAS = {"audioset_embeddings": "embedded.pbtxt", "embeddings": "embedding_table.pbtxt"}
"""Schemas of clip examples without sound, by the kind of the source."""


@dataclass(frozen=True)
class Clips:
    """The nodes that all models share: from sound files to log-mel windows, and the network."""

    example_gen: AudioExampleGen
    schema: SchemaImporter
    statistics: StatisticsGen
    validator: ExampleValidator
    transform: Transform
    importer: NetworkImporter

    @property
    def nodes(self) -> Iterable[BaseNode]:
        """All of them, in their order."""
        return vars(self).values()


def ingest_clips(
    config: Config, data_root: str | RuntimeParameter, checkpoint: str | RuntimeParameter
) -> Clips:
    """Builds the nodes.

    Args:
        config: The configuration.
        data_root: The root of the sounds.
        checkpoint: The path of the network's weights, or `download` or `random`.
    """
    example_gen = AudioExampleGen(
        config.source,
        data_root,
        ingest=config.ingest,
        split=config.split,
    )
    schema_file = _SCHEMAS.get(config.source.kind, "schema.pbtxt")
    schema = SchemaImporter((SCHEMA_FOLDER / schema_file).read_text())
    statistics = StatisticsGen(example_gen.outputs["examples"], schema.outputs["schema"])
    validator = ExampleValidator(statistics.outputs["statistics"], schema.outputs["schema"])
    transform = Transform(
        examples=example_gen.outputs["examples"],
        schema=schema.outputs["schema"],
        preprocessing_fn="trainer.preprocessing.preprocessing_fn",
        # StatisticsGen describes the clips; nobody needs quantiles of every log-mel value.
        disable_statistics=True,
        custom_config={
            "front_end": asdict(config.features.front_end),
            "embedding_size": config.embedding_size,
        },
    )
    # Anomalies stop the run before the expensive nodes start.
    transform.add_upstream_node(validator)
    importer = NetworkImporter(
        config.network,
        checkpoint,
        config.features.seed,
        config.features.pca_params,
        config.features.compute,
    )
    return Clips(example_gen, schema, statistics, validator, transform, importer)
