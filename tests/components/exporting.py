"""Runs of EmbeddingExporter on a few clips of noise."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from beam_pipelines import local_context
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils
from tfx.types import artifact_utils, standard_artifacts

from components.artifacts import EmbeddingTable, Rejects
from components.embedding_exporter.executor import Executor
from schema.imported_weights import import_weights, write_imported_weights
from trainer.preprocessing import preprocessing_fn
from vggish.audio.decoding import pcm16_from_samples
from vggish.weights.weight_arrays import random_weights

RAW_SPEC = {
    "clip_id": tf.io.FixedLenFeature([], tf.string),
    "pcm": tf.io.FixedLenFeature([], tf.string),
    "labels": tf.io.VarLenFeature(tf.string),
}
SPLITS = {"train": (4_000, 70_000, 16_000), "test": (31_000, 9_000)}
LABELS = {"train": (b"cat", b"dog", b"dog"), "test": (b"cat", b"owl")}


def make_rows() -> dict[str, list[dict]]:
    rng = np.random.default_rng(0)
    return {
        split: [
            {
                "clip_id": f"{split}/{i}.wav".encode(),
                "pcm": pcm16_from_samples(rng.normal(0, 0.1, size)),
                "labels": [LABELS[split][i]],
            }
            for i, size in enumerate(sizes)
        ]
        for split, sizes in SPLITS.items()
    }


def transform(folder: Path, rows: dict[str, list[dict]]) -> None:
    """Writes transformed examples as TFX's Transform does."""
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(RAW_SPEC))
    examples = standard_artifacts.Examples()
    examples.uri = str(folder / "transformed")
    examples.split_names = artifact_utils.encode_split_names(list(rows))
    with tft_beam.Context(temp_dir=str(folder / "tmp")):
        transform_fn = (rows["train"], metadata) | tft_beam.AnalyzeDataset(
            lambda inputs: preprocessing_fn(inputs, {"front_end": {}})
        )
        transform_fn | tft_beam.WriteTransformFn(str(folder / "graph"))
        for split, split_rows in rows.items():
            transformed, transformed_metadata = (
                (split_rows, metadata),
                transform_fn,
            ) | tft_beam.TransformDataset()
            coder = tft.coders.ExampleProtoCoder(transformed_metadata.schema)
            path = Path(
                artifact_utils.get_split_uri([examples], split), "x-00000-of-00001.tfrecord"
            )
            path.parent.mkdir(parents=True)
            with tf.io.TFRecordWriter(str(path)) as writer:
                for row in transformed:
                    writer.write(coder.encode(row))


def prepare(folder: Path, rows: dict[str, list[dict]]) -> None:
    """Writes all inputs of the exporter."""
    weights = folder / "weights" / "Format-Serving"
    write_imported_weights(
        str(weights), import_weights("vggish", "random", random_weights(0), None)
    )
    (folder / "rejects").mkdir()
    splits = {split: len(of_split) for split, of_split in rows.items()}
    (folder / "rejects" / "summary.json").write_text(json.dumps({"by_split": splits}))
    transform(folder, rows)


def export(folder: Path, output: Path, **properties: Any) -> dict[str, Any]:
    """Exports what lies in a folder; returns the output artifacts."""
    inputs = {
        "examples": standard_artifacts.Examples(),
        "transform_graph": standard_artifacts.TransformGraph(),
        "weights": standard_artifacts.Model(),
        "rejects": Rejects(),
    }
    places = {"examples": "transformed", "transform_graph": "graph"}
    for key, artifact in inputs.items():
        artifact.uri = str(folder / places.get(key, key))
    inputs["examples"].split_names = artifact_utils.encode_split_names(list(SPLITS))
    outputs = {"embeddings": standard_artifacts.Examples(), "table": EmbeddingTable()}
    for key, artifact in outputs.items():
        artifact.uri = str(output / key)
    Executor(local_context(output)).Do(
        {key: [artifact] for key, artifact in inputs.items()},
        {key: [artifact] for key, artifact in outputs.items()},
        {"features": "mfcc", "with_table": 0} | properties,
    )
    return outputs
