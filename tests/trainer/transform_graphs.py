"""Transform graphs without a pipeline around them."""

from pathlib import Path

import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils


def write_transform_graph(classes: list[str], folder: Path) -> None:
    """Writes a transform graph whose vocabulary is the classes in their order."""
    spec = {"labels": tf.io.FixedLenFeature([], tf.string)}
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(spec))
    rows = [{"labels": name} for i, name in enumerate(reversed(classes)) for _ in range(i + 1)]
    with tft_beam.Context(temp_dir=str(folder / "tmp")):
        _, transform_fn = (rows, metadata) | tft_beam.AnalyzeAndTransformDataset(
            lambda inputs: {
                "ids": tft.compute_and_apply_vocabulary(inputs["labels"], vocab_filename="labels")
            }
        )
        transform_fn | tft_beam.WriteTransformFn(str(folder / "transform"))
