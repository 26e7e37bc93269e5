"""Predictions of clips without labels, file to file."""

import json
from pathlib import Path

import keras
import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
import tensorflow as tf
from beam_pipelines import local_context
from tfx.types import artifact_utils, standard_artifacts

from components.annotated_test_set import AnnotatedTestSet
from components.artifacts import Events, Predictions, Rejects
from components.batch_predictor.executor import TEST_FILE, Executor, PredictClips
from schema.config.predict.predict_settings import PredictSettings
from schema.model_card import write_model_card
from trainer.heads.pooling import PooledHead
from trainer.serving.served_classifier import ServedClassifier
from vggish.audio.decoding import pcm16_from_samples
from vggish.networks.layer_taps import build_features
from vggish.networks.network import FrontEnd

CLASSES = ["dog", "cat"]


def write_clips(path: Path, sizes: list[int], label: str | None = None) -> list[bytes]:
    rng = np.random.default_rng(0)
    records = []
    for i, size in enumerate(sizes):
        feature = {
            "clip_id": f"test/{i}.wav".encode(),
            "pcm": pcm16_from_samples(rng.normal(0, 0.1, size)),
            **({"labels": label.encode(), "group": b"anna"} if label else {}),
        }
        features = {
            name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
            for name, value in feature.items()
        }
        example = tf.train.Example(features=tf.train.Features(feature=features))
        records.append(example.SerializeToString())
    path.parent.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return records


def predict(folder: Path, splits: list[str], recordings: Path | None = None) -> Path:
    examples, model = standard_artifacts.Examples(), standard_artifacts.Model()
    predictions, of_test = Predictions(), Predictions()
    examples.uri, model.uri = str(folder / "examples"), str(folder / "model")
    examples.split_names = artifact_utils.encode_split_names(splits)
    predictions.uri, of_test.uri = str(folder / "predictions"), str(folder / "of_test")
    events, test_events = Events(), Events()
    events.uri, test_events.uri = str(folder / "events"), str(folder / "test_events")
    outputs = {
        "predictions": [predictions], "test_predictions": [of_test], "events": [events],
        "test_events": [test_events],
    }  # fmt: skip
    settings = PredictSettings(**({"recordings": str(recordings)} if recordings else {}))
    properties = {"predict": settings.model_dump_json(), "resampler": "resampy"}
    rejects = Rejects()
    rejects.uri = str(folder)
    (folder / "summary.json").write_text(json.dumps({"by_split": dict.fromkeys(splits, 3)}))
    inputs = {"examples": [examples], "model": [model], "rejects": [rejects]}
    Executor(local_context(folder)).Do(inputs, outputs, properties)
    return folder / "predictions"


def write_model(
    root: Path, thresholds: list[float] | None = None, *, open_set: bool = False
) -> ServedClassifier:
    keras.utils.set_random_seed(0)
    head = keras.Sequential([keras.Input([40]), keras.layers.Dense(2, activation="softmax")])
    served = ServedClassifier(
        build_features("mfcc", None),
        PooledHead(head),
        CLASSES,
        FrontEnd(),
        thresholds=thresholds,
        at_most_one=open_set,
        unfamiliarity=(lambda features: features[:, :1, 0].to_tensor()) if open_set else None,
    )
    served.save(str(root / "model" / "Format-Serving"))
    task = "open_set" if open_set else "single_label" if thresholds is None else "multi_label"
    card = {"classes": CLASSES, "task": task, "embedding_size": None, "hop_seconds": 0.96}
    card["unfamiliarity"] = open_set
    write_model_card(str(root / "model" / "Format-Serving"), card)
    return served


def test_every_unlabelled_clip_has_a_row(tmp_path: Path) -> None:
    served = write_model(tmp_path)
    records = write_clips(
        tmp_path / "examples" / "Split-unlabelled" / "clips.tfrecord", [5_000, 40_000, 16_000]
    )
    write_clips(tmp_path / "examples" / "Split-test" / "clips.tfrecord", [5_000], "cat")
    table = pq.read_table(predict(tmp_path, ["test", "unlabelled"])).to_pandas()
    expected = served.classify_examples(tf.constant(records))
    assert list(table["fname"]) == ["test/0.wav", "test/1.wav", "test/2.wav"]
    assert [label.encode() for label in table["label"]] == list(expected["label"].numpy())
    np.testing.assert_allclose(table[["score_dog", "score_cat"]], expected["scores"], atol=1e-6)


def test_every_test_clip_has_its_truth_and_its_prediction(tmp_path: Path) -> None:
    served = write_model(tmp_path)
    records = write_clips(
        tmp_path / "examples" / "Split-test" / "c.tfrecord", [5_000, 40_000], "cat"
    )
    unlabelled = predict(tmp_path, ["train", "eval", "test"])
    assert not unlabelled.exists()
    assert not list((tmp_path / "events").iterdir())
    rows = pq.read_table(tmp_path / "of_test" / TEST_FILE).to_pylist()
    expected = served.classify_examples(tf.constant(records))
    assert [row["fname"] for row in rows] == ["test/0.wav", "test/1.wav"]
    assert [row["predicted"].encode() for row in rows] == list(expected["label"].numpy())
    for row in rows:
        assert (row["true"], row["split"], row["group"]) == ("cat", "test", "anna")
    scores = [[row["score_dog"], row["score_cat"]] for row in rows]
    np.testing.assert_allclose(scores, expected["scores"], atol=1e-6)


def test_several_labels_are_lists(tmp_path: Path) -> None:
    write_model(tmp_path, thresholds=[0.0, 0.0])
    write_clips(tmp_path / "examples" / "Split-test" / "clips.tfrecord", [5_000], "cat")
    predict(tmp_path, ["test"])
    (row,) = pq.read_table(tmp_path / "of_test" / TEST_FILE).to_pylist()
    assert (row["true"], row["predicted"]) == (["cat"], ["dog", "cat"])


def test_an_open_set_has_one_label_or_none_and_is_unfamiliar(tmp_path: Path) -> None:
    served = write_model(tmp_path, thresholds=[1.01, 0.0], open_set=True)
    split = tmp_path / "examples" / "Split-test" / "c.tfrecord"
    records = write_clips(split, [5_000, 20_000, 40_000, 90_000], "cat")
    predict(tmp_path, ["test"])
    rows = pq.read_table(tmp_path / "of_test" / TEST_FILE).to_pylist()
    answer = served.classify_examples(tf.constant(records))
    familiar = answer["unfamiliarity"].numpy() <= 1
    is_cat = (answer["scores"].numpy().argmax(axis=1) == 1) & familiar
    assert [row["predicted"] for row in rows] == ["cat" if cat else None for cat in is_cat]
    assert [label.decode() for label in answer["label"].numpy()] == [
        "cat" if cat else "" for cat in is_cat
    ]
    given = [row["unfamiliarity"] for row in rows]
    np.testing.assert_allclose(given, answer["unfamiliarity"], atol=1e-5)
    assert len(set(given)) == 4


def test_batches_are_by_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(tmp_path)
    write_clips(
        tmp_path / "examples" / "Split-unlabelled" / "clips.tfrecord",
        [9_000] * 80 + [2_000_000] * 5,
    )
    batches = []

    def note(_: PredictClips, batch: list[bytes]) -> list[None]:
        batches.append([len(record) // (2 * 15_360) for record in batch])
        return []

    monkeypatch.setattr(PredictClips, "process", note)
    write_clips(tmp_path / "examples" / "Split-test" / "clips.tfrecord", [])
    predict(tmp_path, ["test", "unlabelled"])
    assert sum(map(len, batches)) == 85
    assert max(map(len, batches)) > 32  # Short clips are not counted.
    assert max(map(sum, batches)) <= 256  # Two long clips are.


def test_recordings_have_events_and_an_account(tmp_path: Path) -> None:
    write_model(tmp_path)
    write_clips(tmp_path / "examples" / "Split-test" / "clips.tfrecord", [5_000], "cat")
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    soundfile.write(recordings / "a.wav", np.random.default_rng(0).normal(0, 0.1, 40_000), 16_000)
    AnnotatedTestSet(str(recordings), {"a.wav": []}).write(str(tmp_path))
    predict(tmp_path, ["test"], recordings)
    for name in ("events.csv", "recordings.jsonl"):
        found, tested = (tmp_path / output / name for output in ("events", "test_events"))
        assert found.read_bytes() == tested.read_bytes()
    lines = (tmp_path / "events" / "events.csv").read_text().splitlines()
    assert lines[0] == "file,start,end,label,score"
    # One label a window, so that one of two classes reaches a half everywhere.
    assert sum(float(line.split(",")[2]) - float(line.split(",")[1]) for line in lines[1:]) == 2.5
    (heard,) = (tmp_path / "events" / "recordings.jsonl").read_text().splitlines()
    assert json.loads(heard) == {
        "file": f"{recordings}/a.wav", "seconds": 2.5, "windows": 5, "events": len(lines) - 1,
        "error": None,
    }  # fmt: skip
