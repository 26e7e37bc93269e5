"""The embeddings of clips, file to file."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from beam_pipelines import local_context
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils
from tfx.types import artifact_utils, standard_artifacts

from components.artifacts import EmbeddingTable, Rejects
from components.counts import read_counts
from components.embedding_exporter.executor import Executor
from schema.embedded_clips import read_embedded_clips, windows_of
from schema.imported_weights import import_weights, write_imported_weights
from trainer.fitting.embedded_clips import load_embedded_clips
from trainer.preprocessing import preprocessing_fn
from vggish.audio.decoding import pcm16_from_samples
from vggish.networks.layer_taps import build_features
from vggish.networks.log_mel import log_mel, windows_from_pcm16
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


def transform(folder: Path, rows: dict[str, list[dict]]) -> standard_artifacts.Examples:
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
            path = Path(artifact_utils.get_split_uri([examples], split), "x-00000-of-00001.gz")
            path.parent.mkdir(parents=True)
            with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
                for row in transformed:
                    writer.write(coder.encode(row))
    return examples


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[dict]]]:
    folder = tmp_path_factory.mktemp("exporter")
    rows = make_rows()
    examples = transform(folder, rows)
    graph, weights = standard_artifacts.TransformGraph(), standard_artifacts.Model()
    embeddings, table = standard_artifacts.Examples(), EmbeddingTable()
    graph.uri, weights.uri = str(folder / "graph"), str(folder / "weights")
    embeddings.uri, table.uri = str(folder / "embeddings"), str(folder / "table")
    rejects = Rejects()
    rejects.uri = str(folder / "rejects")
    Path(rejects.uri).mkdir()
    splits = {split: len(sizes) for split, sizes in SPLITS.items()}
    Path(rejects.uri, "summary.json").write_text(json.dumps({"by_split": splits}))
    imported = import_weights("vggish", "random", random_weights(0), None)
    write_imported_weights(f"{weights.uri}/Format-Serving", imported)
    Executor(local_context(folder)).Do(
        {
            "examples": [examples],
            "transform_graph": [graph],
            "weights": [weights],
            "rejects": [rejects],
        },
        {"embeddings": [embeddings], "table": [table]},
        {"features": "mfcc", "compute": "float32", "with_table": 1},
    )
    return folder, rows


def expected_embeddings(row: dict) -> np.ndarray:
    windows = log_mel(windows_from_pcm16(tf.constant([row["pcm"]]))).values
    return build_features("mfcc", random_weights(0))(windows).numpy()


@pytest.mark.parametrize("split", SPLITS)
def test_examples_hold_every_window(
    exported: tuple[Path, dict[str, list[dict]]], split: str
) -> None:
    folder, rows = exported
    clips = load_embedded_clips([f"{folder}/embeddings/Split-{split}/*"], 40, 2, multi_label=True)
    assert clips.clip_ids.tolist() == [row["clip_id"] for row in rows[split]]
    expected = [expected_embeddings(row).mean(axis=0) for row in rows[split]]
    np.testing.assert_allclose(clips.pooled, expected, rtol=1e-4, atol=1e-4)
    assert clips.targets.tolist() == [
        [label in row["labels"] for label in (b"dog", b"cat")] for row in rows[split]
    ]


def test_clips_have_their_own_windows_and_the_names_of_their_classes(
    exported: tuple[Path, dict[str, list[dict]]],
) -> None:
    folder, rows = exported
    files = sorted(map(str, (folder / "embeddings" / "Split-test").iterdir()))
    clips = pa.concat_tables(read_embedded_clips(files)).sort_by("fname")
    assert clips["fname"].to_pylist() == ["test/0.wav", "test/1.wav"]
    assert clips["labels"].to_pylist() == [["cat"], []]  # No training clip is an owl.
    assert clips["label_ids"].to_pylist() == [[1], [-1]]
    lengths, windows = windows_of(clips)
    assert lengths.tolist() == [2, 1]
    expected = np.concatenate([expected_embeddings(row) for row in rows["test"]])
    np.testing.assert_allclose(windows, expected, rtol=1e-4, atol=1e-4)


def test_windows_are_counted_by_split(exported: tuple[Path, dict[str, list[dict]]]) -> None:
    folder, _ = exported
    counts = dict(read_counts(str(folder / "embeddings")))
    assert counts == {("windows", "train"): 1 + 4 + 1, ("windows", "test"): 2 + 1}


def test_table_has_one_row_a_clip(exported: tuple[Path, dict[str, list[dict]]]) -> None:
    folder, rows = exported
    table = pq.read_table(folder / "table").to_pandas().set_index("fname").sort_index()
    assert list(table.columns[:3]) == ["labels", "split", "emb_0"]
    assert len(table.columns) == 2 + 40
    assert list(table["split"]) == ["test", "test", "train", "train", "train"]
    assert [list(labels) for labels in table["labels"]] == [["cat"], [], ["cat"], ["dog"], ["dog"]]
    expected = expected_embeddings(rows["test"][0]).mean(axis=0)
    np.testing.assert_allclose(
        table.loc["test/0.wav"][2:].astype("f"), expected, rtol=1e-4, atol=1e-4
    )
