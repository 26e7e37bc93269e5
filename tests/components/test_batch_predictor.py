"""Predictions of clips without labels, file to file."""

from pathlib import Path

import keras
import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from beam_pipelines import local_context
from tfx.types import artifact_utils, standard_artifacts

from components.artifacts import Predictions
from components.batch_predictor.executor import Executor, PredictClips
from schema.model_card import write_model_card
from trainer.heads.pooling import PooledHead
from trainer.serving.served_classifier import ServedClassifier
from vggish.audio.decoding import pcm16_from_samples
from vggish.networks.layer_taps import build_features
from vggish.networks.network import FrontEnd

CLASSES = ["dog", "cat"]


def write_clips(path: Path, sizes: list[int]) -> list[bytes]:
    rng = np.random.default_rng(0)
    records = []
    for i, size in enumerate(sizes):
        feature = {
            "clip_id": f"test/{i}.wav".encode(),
            "pcm": pcm16_from_samples(rng.normal(0, 0.1, size)),
        }
        features = {
            name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
            for name, value in feature.items()
        }
        example = tf.train.Example(features=tf.train.Features(feature=features))
        records.append(example.SerializeToString())
    path.parent.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for record in records:
            writer.write(record)
    return records


def predict(folder: Path, splits: list[str]) -> Path:
    examples, model = standard_artifacts.Examples(), standard_artifacts.Model()
    predictions = Predictions()
    examples.uri, model.uri = str(folder / "examples"), str(folder / "model")
    examples.split_names = artifact_utils.encode_split_names(splits)
    predictions.uri = str(folder / "predictions")
    Executor(local_context(folder)).Do(
        {"examples": [examples], "model": [model]}, {"predictions": [predictions]}, {}
    )
    return folder / "predictions"


def write_model(root: Path) -> ServedClassifier:
    keras.utils.set_random_seed(0)
    head = keras.Sequential([keras.Input([40]), keras.layers.Dense(2, activation="softmax")])
    served = ServedClassifier(
        build_features("mfcc", None), PooledHead(head), CLASSES, FrontEnd(), thresholds=None
    )
    served.save(str(root / "model" / "Format-Serving"))
    card = {"classes": CLASSES, "embedded": False, "hop_seconds": 0.96}
    write_model_card(str(root / "model" / "Format-Serving"), card)
    return served


def test_every_unlabelled_clip_has_a_row(tmp_path: Path) -> None:
    served = write_model(tmp_path)
    records = write_clips(
        tmp_path / "examples" / "Split-unlabelled" / "clips.gz", [5_000, 40_000, 16_000]
    )
    table = pq.read_table(predict(tmp_path, ["train", "unlabelled"])).to_pandas()
    expected = served.classify_examples(tf.constant(records))
    assert list(table["fname"]) == ["test/0.wav", "test/1.wav", "test/2.wav"]
    assert [label.encode() for label in table["label"]] == list(expected["label"].numpy())
    np.testing.assert_allclose(table[["score_dog", "score_cat"]], expected["scores"], atol=1e-6)


def test_nothing_to_predict_is_nothing(tmp_path: Path) -> None:
    assert not predict(tmp_path, ["train", "eval", "test"]).exists()


def test_batches_are_by_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(tmp_path)
    write_clips(
        tmp_path / "examples" / "Split-unlabelled" / "clips.gz", [9_000] * 80 + [2_000_000] * 5
    )
    batches = []

    def note(_: PredictClips, batch: list[bytes]) -> list[None]:
        batches.append([len(record) // (2 * 15_360) for record in batch])
        return []

    monkeypatch.setattr(PredictClips, "process", note)
    predict(tmp_path, ["unlabelled"])
    assert sum(map(len, batches)) == 85
    assert max(map(len, batches)) > 32  # Short clips are not counted.
    assert max(map(sum, batches)) <= 256  # Two long clips are.
