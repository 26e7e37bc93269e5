"""The artifact types that TFX does not have.

Their names are import paths, by which Kubeflow's containers find them; see
`components/__init__.py`.
"""

from tfx.types.artifact import Artifact
from tfx.types.system_artifacts import Dataset


class Rejects(Artifact):
    """The files that AudioExampleGen refused: `rejects.jsonl` and the counts in `summary.json`."""

    TYPE_NAME = "components.Rejects"


class Noise(Artifact):
    """Sounds to mix into clips, as clip examples without labels; empty where there are none."""

    TYPE_NAME = "components.Noise"
    TYPE_ANNOTATION = Dataset


class EmbeddingTable(Artifact):
    """Time-averaged embeddings as Parquet, one row a clip."""

    TYPE_NAME = "components.EmbeddingTable"
    TYPE_ANNOTATION = Dataset


class Predictions(Artifact):
    """What a model says of clips without labels, as Parquet, one row a clip."""

    TYPE_NAME = "components.Predictions"
    TYPE_ANNOTATION = Dataset


class ModelComparison(Artifact):
    """The models of a run side by side: `comparison.json`, a row a model."""

    TYPE_NAME = "components.ModelComparison"


class ReportPage(Artifact):
    """What a run came to: `report.html` for people, `summary.json` for programs."""

    TYPE_NAME = "components.ReportPage"
