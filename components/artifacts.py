"""The artifact types that TFX does not have."""

from tfx.types.artifact import Artifact
from tfx.types.system_artifacts import Dataset


class Rejects(Artifact):
    """The files that AudioExampleGen refused: `rejects.jsonl` and the counts in `summary.json`."""

    TYPE_NAME = "VggishRejects"


class Noise(Artifact):
    """Sounds to mix into clips, as clip examples without labels; empty where there are none."""

    TYPE_NAME = "VggishNoise"
    TYPE_ANNOTATION = Dataset


class EmbeddingTable(Artifact):
    """Time-averaged embeddings as Parquet, one row a clip."""

    TYPE_NAME = "VggishEmbeddingTable"
    TYPE_ANNOTATION = Dataset


class Predictions(Artifact):
    """What a model says of clips without labels, as Parquet, one row a clip."""

    TYPE_NAME = "VggishPredictions"
    TYPE_ANNOTATION = Dataset


class ModelComparison(Artifact):
    """The models of a run side by side: `comparison.json`, a row a model."""

    TYPE_NAME = "VggishModelComparison"


class Report(Artifact):
    """What a run came to: `report.html` for people, `summary.json` for programs."""

    TYPE_NAME = "VggishReport"
