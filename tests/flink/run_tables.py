"""What a run's Beam-powered nodes wrote, by clip, whichever runner spread it over which files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import tensorflow as tf
import tensorflow_transform as tft


def latest(run: Path, node: str, output: str) -> Path:
    """The folder that the last execution of a node wrote."""
    return max((run / "pipeline" / node / output).iterdir(), key=lambda folder: int(folder.name))


def sound_clips(run: Path) -> dict[str, tuple[str, dict[str, list]]]:
    """Of each clip its split, and every feature of its example."""
    clips = {}
    for split, record in _records(latest(run, "AudioExampleGen", "examples"), ""):
        features = tf.train.Example.FromString(record).features.feature
        values = {name: list(_values(feature)) for name, feature in features.items()}
        (clip_id,) = values["clip_id"]
        assert clip_id not in clips
        clips[clip_id] = (split, values)
    return clips


def rejects(run: Path) -> tuple[list[str], dict[str, Any]]:
    """The refusals in the order of their text, and the summary."""
    folder = latest(run, "AudioExampleGen", "rejects")
    lines = sorted((folder / "rejects.jsonl").read_text().splitlines())
    return lines, json.loads((folder / "summary.json").read_text())


def log_mels(run: Path) -> dict[bytes, tuple[str, list[int], np.ndarray]]:
    """Of each clip its split, its label ids and its log-mel windows, float32 [n * 96 * 64]."""
    graph = tft.TFTransformOutput(str(latest(run, "Transform", "transform_graph")))
    spec = graph.transformed_feature_spec()
    clips = {}
    for split, record in _records(latest(run, "Transform", "transformed_examples"), "GZIP"):
        parsed = tf.io.parse_example([record], spec)
        windows = parsed["log_mel"].flat_values.numpy().ravel()
        (clip_id,) = parsed["clip_id"].numpy()
        assert clip_id not in clips
        clips[clip_id] = (split, parsed["label_ids"].values.numpy().tolist(), windows)
    return clips


def embeddings(run: Path) -> tuple[list[tuple], np.ndarray]:
    """The table's `(fname, labels, split)` in the order of names, and its vectors [clips, D]."""
    files = latest(run, "EmbeddingExporter", "table").glob("*.parquet")
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    rows.sort(key=lambda row: row["fname"])
    known = [(row.pop("fname"), row.pop("labels"), row.pop("split")) for row in rows]
    return known, np.array([list(row.values()) for row in rows])


def assert_same_sounds(run: Path, other: Path) -> None:
    """Holds what AudioExampleGen and Transform wrote to what another run's wrote."""
    assert rejects(run) == rejects(other)
    assert sound_clips(run) == sound_clips(other)
    mine, theirs = log_mels(run), log_mels(other)
    assert mine.keys() == theirs.keys()
    for clip_id, (split, labels, windows) in mine.items():
        assert (split, labels) == theirs[clip_id][:2]
        np.testing.assert_allclose(windows, theirs[clip_id][2], rtol=0, atol=1e-5)


def assert_same_embeddings(run: Path, other: Path) -> None:
    """Holds the table of embeddings to another run's."""
    (mine, vectors), (theirs, other_vectors) = embeddings(run), embeddings(other)
    assert mine == theirs
    scale = np.abs(other_vectors).max()
    np.testing.assert_allclose(vectors, other_vectors, rtol=0, atol=1e-5 * scale)


def _records(folder: Path, compression: str) -> list[tuple[str, bytes]]:
    files = sorted(folder.glob("Split-*/*"))
    return [
        (file.parent.name, record)
        for file in files
        for record in tf.data.TFRecordDataset([str(file)], compression).as_numpy_iterator()
    ]


def _values(feature: tf.train.Feature) -> list:
    return getattr(feature, feature.WhichOneof("kind")).value if feature.WhichOneof("kind") else []
