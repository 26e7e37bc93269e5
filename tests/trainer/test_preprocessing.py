"""The preprocessing that Transform runs, on Beam, as TFX calls it."""

from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

from trainer.preprocessing import preprocessing_fn
from vggish.audio.decoding import pcm16_from_samples, samples_from_pcm16
from vggish.networks.log_mel import log_mel_from_windows

RAW_SPEC = {
    "clip_id": tf.io.FixedLenFeature([], tf.string),
    "pcm": tf.io.FixedLenFeature([], tf.string),
    "labels": tf.io.VarLenFeature(tf.string),
}


def test_windows_and_label_ids(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sizes, labels = (4_000, 16_000, 31_000), (b"cat", b"dog", b"dog")
    clips = [samples_from_pcm16(pcm16_from_samples(rng.normal(0, 0.1, n))) for n in sizes]
    rows = [
        {"clip_id": b"%d" % i, "pcm": pcm16_from_samples(clip), "labels": [label]}
        for i, (clip, label) in enumerate(zip(clips, labels, strict=True))
    ]
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(RAW_SPEC))
    with tft_beam.Context(temp_dir=str(tmp_path / "tmp")):
        (transformed, _), transform_fn = (rows, metadata) | tft_beam.AnalyzeAndTransformDataset(
            lambda inputs: preprocessing_fn(inputs, {"front_end": {}})
        )
        transform_fn | tft_beam.WriteTransformFn(str(tmp_path / "transform"))

    output = tft.TFTransformOutput(str(tmp_path / "transform"))
    assert output.vocabulary_by_name("labels") == [b"dog", b"cat"]
    assert [list(row["label_ids"]) for row in transformed] == [[1], [0], [0]]
    assert [row["clip_id"] for row in transformed] == [b"0", b"1", b"2"]
    for clip, row, windows in zip(clips, transformed, (1, 1, 2), strict=True):
        padded = np.pad(clip, [0, max(0, 15_600 - len(clip))])
        cut = np.stack([padded[i * 15_360 :][:15_600] for i in range(windows)])
        values = np.reshape(row["log_mel$ragged_values"], [-1, 96, 64])
        np.testing.assert_allclose(values, log_mel_from_windows(tf.constant(cut)), atol=1e-5)


def test_embeddings_of_any_size_keep_their_windows(tmp_path: Path) -> None:
    spec = {
        "clip_id": tf.io.FixedLenFeature([], tf.string),
        "embedding": tf.io.VarLenFeature(tf.float32),
        "labels": tf.io.VarLenFeature(tf.string),
    }
    rows = [
        {"clip_id": b"%d" % n, "embedding": np.arange(3.0 * n, dtype=np.float32), "labels": [b"a"]}
        for n in (2, 1)
    ]
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(spec))
    with tft_beam.Context(temp_dir=str(tmp_path / "tmp")):
        (transformed, _), transform_fn = (rows, metadata) | tft_beam.AnalyzeAndTransformDataset(
            lambda inputs: preprocessing_fn(inputs, {"front_end": {}, "embedding_size": 3})
        )
        transform_fn | tft_beam.WriteTransformFn(str(tmp_path / "transform"))
    values = [np.reshape(row["embedding$ragged_values"], [-1, 3]) for row in transformed]
    for row, n in zip(values, (2, 1), strict=True):
        np.testing.assert_array_equal(row, np.arange(3.0 * n).reshape(n, 3))
    graph = tft.TFTransformOutput(str(tmp_path / "transform"))
    assert graph.transformed_feature_spec()["embedding"].partitions[-1].length == 3
