"""What a model must do before it is handed to a server, and models that do not."""

import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tfx.types import artifact_utils, standard_artifacts

from components.serving_validator import probe
from components.serving_validator.executor import Executor
from pipeline.runners.retries import is_transient
from schema.clip_scores import write_clip_scores
from schema.model_card import write_model_card
from trainer.heads.pooling import PooledHead
from trainer.serving.served_classifier import ServedClassifier
from trainer.serving.warmup_requests import write_warmup_requests
from vggish.audio.decoding import pcm16_from_samples
from vggish.example_features import bytes_feature, float_feature, serialized_example
from vggish.networks.layer_taps import build_features
from vggish.networks.network import FrontEnd

CLASSES = ["dog", "cat"]
CARD = {"classes": CLASSES, "compute": "float32", "network": "vggish", "embedding_size": None}


def write_clips(folder: Path) -> list[bytes]:
    rng = np.random.default_rng(0)
    records = []
    for i, size in enumerate((5_000, 40_000, 16_000)):
        # The last samples are silent, so their last bytes are zero.
        samples = np.append(rng.normal(0, 0.1, size), np.zeros(9))
        values = {"clip_id": f"{i}.wav".encode(), "pcm": pcm16_from_samples(samples)}
        feature = {
            key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
            for key, value in values.items()
        }
        features = tf.train.Features(feature=feature)
        records.append(tf.train.Example(features=features).SerializeToString())
    folder.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(folder / "clips.tfrecord")) as writer:
        for record in records:
            writer.write(record)
    return records


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with what its Trainer left, and clips."""
    root = tmp_path_factory.mktemp("good")
    keras.utils.set_random_seed(0)
    head = keras.Sequential([keras.Input([40]), keras.layers.Dense(2, activation="softmax")])
    served = ServedClassifier(
        build_features("mfcc", None), PooledHead(head), CLASSES, FrontEnd(), thresholds=None
    )
    model = str(root / "model" / "Format-Serving")
    served.save(model)
    write_model_card(model, CARD)
    records = write_clips(root / "examples" / "Split-eval")
    scores = served.classify_examples(tf.constant(records))["scores"].numpy()
    ids = np.array([f"{i}.wav".encode() for i in range(3)])
    write_clip_scores(str(root / "model_run" / "eval_scores.npz"), ids, scores)
    return root


@pytest.fixture
def root(good: Path, tmp_path: Path) -> Path:
    """The same, to be spoilt."""
    return Path(shutil.copytree(good, tmp_path / "copy"))


def validate(root: Path, **limits: float) -> tuple[bool, dict[str, Any]]:
    inputs = {
        "model": standard_artifacts.Model(),
        "model_run": standard_artifacts.ModelRun(),
        "examples": standard_artifacts.Examples(),
    }
    for key, artifact in inputs.items():
        artifact.uri = str(root / key)
    inputs["examples"].split_names = artifact_utils.encode_split_names(["train", "eval"])
    blessing = standard_artifacts.InfraBlessing()
    blessing.uri = str(root / "blessing")
    (root / "blessing").mkdir(exist_ok=True)
    Executor().Do(
        {key: [artifact] for key, artifact in inputs.items()}, {"blessing": [blessing]}, limits
    )
    validation = json.loads((root / "blessing" / "validation.json").read_text())
    return blessing.get_int_custom_property("blessed") == 1, validation


def failed(validation: dict[str, Any]) -> list[str]:
    return [check["metric"] for check in validation["checks"] if not check["passed"]]


def test_a_good_model_is_blessed_and_measured(root: Path) -> None:
    held = np.ones(2**31, np.uint8)  # No part of what the model's own process takes.
    blessed, validation = validate(root)
    assert blessed
    assert failed(validation) == []
    measured = validation["measured"]
    assert 0 < measured["latency_ms"] < 10_000
    assert 100 < measured["memory_mb"] < held.nbytes / 2**20
    assert any("on 3 clips" in check["metric"] for check in validation["checks"])


def test_clips_of_any_length_that_was_let_in_are_validated(root: Path) -> None:
    shutil.rmtree(root / "examples" / "Split-eval")
    samples = np.random.default_rng(0).normal(0, 0.1, 590 * 16_000)
    records = []
    for i in range(8):
        values = {"clip_id": f"long{i}".encode(), "pcm": pcm16_from_samples(samples)}
        feature = {
            key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
            for key, value in values.items()
        }
        features = tf.train.Features(feature=feature)
        records.append(tf.train.Example(features=features).SerializeToString())
    (root / "examples" / "Split-eval").mkdir()
    with tf.io.TFRecordWriter(str(root / "examples" / "Split-eval" / "clips.tfrecord")) as writer:
        for record in records:
            writer.write(record)
    model = tf.saved_model.load(str(root / "model" / "Format-Serving"))
    scores = model.signatures["examples"](examples=tf.constant(records[:1]))["scores"].numpy()
    write_clip_scores(str(root / "model_run" / "eval_scores.npz"), np.array([b"long0"]), scores)
    blessed, validation = validate(root, max_memory_mb=3_000.0)
    assert failed(validation) == []
    assert blessed


def test_limits_on_cost_and_scores_that_training_did_not_see(root: Path) -> None:
    ids = np.array([b"1.wav", b"another.wav"])
    write_clip_scores(str(root / "model_run" / "eval_scores.npz"), ids, np.full([2, 2], 0.9))
    blessed, validation = validate(root, max_latency_ms=1e-6, max_memory_mb=1.0)
    assert not blessed
    assert failed(validation) == [
        "difference from training on 1 clips",
        "milliseconds a clip",
        "MiB at the peak",
    ]


def test_a_damaged_model_is_refused_with_the_reason(root: Path) -> None:
    (root / "model" / "Format-Serving" / "saved_model.pb").write_bytes(b"nothing")
    blessed, validation = validate(root)
    assert not blessed
    (check,) = validation["checks"]
    assert check["metric"] == "answers"
    assert "saved_model.pb" in check["value"]


def test_a_model_of_embeddings_alone_is_called_with_embeddings(tmp_path: Path) -> None:
    head = keras.Sequential([keras.Input([5]), keras.layers.Dense(2, activation="softmax")])
    served = ServedClassifier(
        None, PooledHead(head), CLASSES, FrontEnd(), thresholds=None, embedding_size=5
    )
    model = str(tmp_path / "model" / "Format-Serving")
    served.save(model)
    write_warmup_requests(model, takes_sound=False, embedding_size=5)
    write_model_card(model, CARD | {"network": None, "embedding_size": 5})
    rng = np.random.default_rng(0)
    records = [
        serialized_example(
            {
                "clip_id": bytes_feature([f"{i}".encode()]),
                "embedding": float_feature(rng.normal(size=5 * n)),
            }
        )
        for i, n in enumerate((1, 3, 2))
    ]
    (tmp_path / "examples" / "Split-eval").mkdir(parents=True)
    file = tmp_path / "examples" / "Split-eval" / "clips.tfrecord"
    with tf.io.TFRecordWriter(str(file)) as writer:
        for record in records:
            writer.write(record)
    scores = served.classify_examples(tf.constant(records))["scores"].numpy()
    ids = np.array([b"0", b"1", b"2"])
    write_clip_scores(str(tmp_path / "model_run" / "eval_scores.npz"), ids, scores)
    blessed, validation = validate(tmp_path, max_latency_ms=10_000.0)
    assert failed(validation) == []
    assert blessed
    assert any("on 3 clips" in check["metric"] for check in validation["checks"])


class Odd(tf.Module):
    """Scores that are no probabilities, and Python code, which no server has, for large batches."""

    def __call__(self, embedding: tf.RaggedTensor) -> tf.Tensor:
        size = embedding.nrows()
        scores = tf.cond(
            size > 100,
            lambda: tf.py_function(lambda n: tf.fill([n, 2], 0.5), [size], tf.float32),
            lambda: tf.fill([size, 2], 2.0),
        )
        return tf.ensure_shape(scores, [None, 2])


def test_operations_and_scores_that_no_server_can_give(root: Path) -> None:
    model = str(root / "model" / "Format-Serving")
    shutil.rmtree(model)
    network = build_features("mfcc", None)
    ServedClassifier(network, Odd(), CLASSES, FrontEnd(), thresholds=None).save(model)
    write_model_card(model, CARD)
    blessed, validation = validate(root)
    assert not blessed
    assert failed(validation)[:2] == ["operations that TensorFlow Serving lacks", "served scores"]
    assert validation["checks"][0]["value"] == "EagerPyFunc"


def test_a_killed_process_is_the_machines_fault(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = tmp_path / "killed.py"
    killed.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    monkeypatch.setattr(probe, "__file__", str(killed))
    with pytest.raises(OSError, match="memory ran out") as raised:
        validate(root)
    assert is_transient(raised.value)
