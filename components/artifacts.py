"""The artifact types that TFX does not have.

Kubeflow's containers find them by their names, which are import paths; see
`components/__init__.py`.
"""

import tensorflow as tf
from tfx.types.artifact import Artifact
from tfx.types.system_artifacts import Dataset
from tfx.utils import path_utils


class Rejects(Artifact):
    """The files that AudioExampleGen refused: `rejects.jsonl` and the counts in `summary.json`."""

    TYPE_NAME = "components.Rejects"


class Noise(Artifact):
    """Sounds to mix into clips, as clip examples without labels; may be empty."""

    TYPE_NAME = "components.Noise"
    TYPE_ANNOTATION = Dataset


class EmbeddingTable(Artifact):
    """Time-averaged embeddings as Parquet, one row per clip."""

    TYPE_NAME = "components.EmbeddingTable"
    TYPE_ANNOTATION = Dataset


class Predictions(Artifact):
    """A model's scores of clips, as Parquet, one row per clip."""

    TYPE_NAME = "components.Predictions"
    TYPE_ANNOTATION = Dataset


class Events(Artifact):
    """Events in recordings, `events.csv`, and the recordings, `recordings.jsonl`; may be empty."""

    TYPE_NAME = "components.Events"
    TYPE_ANNOTATION = Dataset


class ModelComparison(Artifact):
    """The models of a run compared: `comparison.json`, one row per model."""

    TYPE_NAME = "components.ModelComparison"


class CrossValidation(Artifact):
    """A cross-validation: its results, `cross_validation.json`, and a table of every clip."""

    TYPE_NAME = "components.CrossValidation"


class Trials(Artifact):
    """The settings that a search tried, and how good they were: `trials.json`."""

    TYPE_NAME = "components.Trials"


class ReportPage(Artifact):
    """The results of a run: `report.html` for people, `summary.json` for programs."""

    TYPE_NAME = "components.ReportPage"


def holds_model(artifact: Artifact) -> bool:
    """Tells whether an artifact holds a model; not every runner can leave an artifact out."""
    return tf.io.gfile.isdir(path_utils.serving_model_dir(artifact.uri))
