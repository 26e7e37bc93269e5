"""Every frozen head through the `run_fn`: the pushed model scores sound as its library does."""

import json
import subprocess
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
import xgboost
from classical_cases import native_scores
from tfx.components.trainer.fn_args_utils import FnArgs
from transform_graphs import write_transform_graph

from schema.config.classical_head_settings import XgboostSettings
from schema.config.model_settings import FeatureSettings, ModelSettings, TrainSettings
from schema.embedded_clips import to_table, windows_of
from schema.imported_weights import import_weights, write_imported_weights
from schema.training_statistics import read_training_statistics
from trainer.clips.embedded_clips import load_embedded_clips
from trainer.fitting.calibration import Calibration
from trainer.fitting.frozen_head import run_fn
from trainer.heads.classical_head import FittedClassicalHead, fit_classical_head
from trainer.heads.dense import build_frozen_head
from trainer.warm_start.previous_model import PreviousModel
from vggish.embedding.embedder import Embedder
from vggish.networks.layer_taps import feature_size
from vggish.weights.weight_arrays import random_weights

pytestmark = [pytest.mark.long_runs, pytest.mark.xdist_group(__name__)]

HEADS = {
    "synthetic": ("dense", "logistic_regression", "xgboost"),
    "speech_commands": (
        "dense",
        "knn",
        "linear_discriminant",
        "linear_svm",
        "logistic_regression",
        "random_forest",
        "rbf_svm",
        "xgboost",
    ),
}
"""The heads, and the sounds that they learn from."""

SETTINGS = {"xgboost": XgboostSettings(rounds=40)}
SPLITS = ("train", "eval", "test")

# What TensorFlow Serving would do with every model, from the bytes of the sound files.
SERVE = """
import pathlib, sys
import numpy as np
import tensorflow as tf
root = pathlib.Path(sys.argv[1])
wavs = [pathlib.Path(line).read_bytes() for line in (root / "test.txt").read_text().split("\\n")]
batches = [tf.constant(wavs[i : i + 32]) for i in range(0, len(wavs), 32)]
embedding = None
for folder in (root / "models").iterdir():
    signatures = tf.saved_model.load(str(folder / "model")).signatures
    if embedding is None:  # The network of all models.
        embedded = [signatures["embed"](audio_bytes=b)["embedding"] for b in batches]
        embedding = np.concatenate(embedded)
    answers = [signatures["serving_default"](audio_bytes=b) for b in batches]
    np.savez(
        folder / "answer.npz",
        scores=np.concatenate([a["scores"] for a in answers]),
        label=np.concatenate([a["label"] for a in answers]).astype("S"),
        embedding=embedding,
    )
assert not {"vggish", "trainer", "xgboost", "tfx"} & set(sys.modules)
"""


@dataclass(frozen=True)
class Sounds:
    """A data set of WAV files of one class each, dealt to splits."""

    features: str
    classes: list[str]
    files: dict[str, list[tuple[Path, str]]]


@dataclass(frozen=True)
class Pushed:
    """The outputs of one head, and its model's scores of the test split's sound files."""

    classes: list[str]
    fitted: FittedClassicalHead | keras.Model
    folder: Path
    scores: np.ndarray
    label: np.ndarray
    embedding: np.ndarray


def read_wav(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return (pcm / 32768).astype(np.float32)


def synthesize(folder: Path) -> Sounds:
    """Noisy tones of three pitches, between which the loudest partial tells."""
    rng = np.random.default_rng(0)
    files: dict[str, list[tuple[Path, str]]] = {}
    for split, clips in zip(SPLITS, (60, 20, 20), strict=True):
        files[split] = []
        for i in range(clips):
            pitch, label = (("low", 300), ("mid", 500), ("high", 900))[i % 3][::-1]
            seconds = np.arange(rng.integers(8_000, 40_000)) / 16_000
            tone = np.sin(2 * np.pi * pitch * rng.uniform(0.7, 1.4) * seconds)
            samples = 0.1 * tone + rng.normal(0, 0.05, len(seconds))
            path = folder / f"{split}{i}.wav"
            with wave.open(str(path), "wb") as file:
                file.setparams((1, 2, 16_000, 0, "NONE", ""))
                file.writeframes((samples * 32767).astype("<i2").tobytes())
            files[split].append((path, label))
    return Sounds("mfcc", ["high", "low", "mid"], files)


def speech_commands(root: Path) -> Sounds:
    """A third of the speakers to learn from, and every clip of a ninth of the speakers."""
    paths = sorted(root.glob("[a-z]*/*.wav"))
    speakers = sorted({path.name.split("_")[0] for path in paths})
    split_of = {
        s: ("test", "eval", *["train"] * 3, *[""] * 4)[i % 9] for i, s in enumerate(speakers)
    }
    files: dict[str, list[tuple[Path, str]]] = {split: [] for split in (*SPLITS, "")}
    for path in paths:
        files[split_of[path.name.split("_")[0]]].append((path, path.parent.name))
    return Sounds("fusion", sorted({path.parent.name for path in paths}), files)


def write_embedded(sounds: Sounds, folder: Path) -> None:
    weights = import_weights("vggish", "random", random_weights(0), None)
    write_imported_weights(str(folder / "weights"), weights)
    embedder = Embedder(sounds.features, weights.values)
    for split in SPLITS:
        clips = ((file, read_wav(file[0])) for file in sounds.files[split])
        embedded = list(embedder.embed(clips))
        table = to_table(
            [str(path) for (path, _), _ in embedded],
            [[label] for (_, label), _ in embedded],
            [[sounds.classes.index(label)] for (_, label), _ in embedded],
            np.array([len(embedding) for _, embedding in embedded]),
            np.concatenate([embedding for _, embedding in embedded]),
        )
        pq.write_table(table, folder / f"{split}.parquet")


def train(sounds: Sounds, head: str, folder: Path) -> None:
    sections = {
        "model": ModelSettings(
            head=head, features=sounds.features, task="single_label", **SETTINGS
        ),
        "train": TrainSettings(epochs=5),
        "features": FeatureSettings(checkpoint="random"),
    }
    run_fn(
        FnArgs(
            train_files=[str(folder / "train.parquet")],
            eval_files=[str(folder / "eval.parquet")],
            transform_output=str(folder / "transform"),
            base_model=str(folder / "weights"),
            serving_model_dir=str(folder / "models" / head / "model"),
            model_run_dir=str(folder / "models" / head / "model_run"),
            custom_config={
                **{name: section.model_dump(mode="json") for name, section in sections.items()},
                "max_clip_samples": 16_000 * 600,
                "embedding_size": None,
                "target_precision": None,
                "backup_folder": None,
            },
        )
    )


@pytest.fixture(
    scope="module",
    params=["synthetic", pytest.param("speech_commands", marks=pytest.mark.real_data)],
)
def pushed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Pushed]:
    """Heads trained as the pipeline does, and served by TensorFlow alone."""
    heads = HEADS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "synthetic":
        sounds = synthesize(folder)
    else:
        sounds = speech_commands(request.getfixturevalue("real_data") / "speech_commands")
    write_transform_graph(sounds.classes, folder)
    write_embedded(sounds, folder)
    (folder / "test.txt").write_text("\n".join(str(path) for path, _ in sounds.files["test"]))
    size = feature_size(sounds.features)
    clips, eval_clips = (
        load_embedded_clips(
            [str(folder / f"{split}.parquet")], size, len(sounds.classes), multi_label=False
        )
        for split in ("train", "eval")
    )
    for head in heads:
        train(sounds, head, folder)
    subprocess.run([sys.executable, "-I", "-c", SERVE, str(folder)], check=True)
    settings = ModelSettings(**SETTINGS)
    return {
        head: Pushed(
            sounds.classes,
            restore_dense(folder / "models" / head / "model", sounds.classes, size)
            if head == "dense"
            else fit_classical_head(
                getattr(settings, head), sounds.classes, clips, eval_clips, TrainSettings()
            ),
            folder / "models" / head,
            **np.load(folder / "models" / head / "answer.npz"),
        )
        for head in heads
    }


def restore_dense(model: Path, classes: list[str], size: int) -> keras.Model:
    """Keras's own model of what was trained; a second training need not end the same."""
    head = build_frozen_head(ModelSettings(), len(classes), np.ones([2, size], np.float32))
    assert PreviousModel(str(model)).restore_head(head, classes) == classes
    return head


def expected_scores(model: Pushed) -> np.ndarray:
    if isinstance(model.fitted, keras.Model):
        return calibrated(model, model.fitted.predict(model.embedding, verbose=0))
    return calibrated(model, native_scores(model.fitted, model.embedding))


def calibrated(model: Pushed, scores: np.ndarray) -> np.ndarray:
    """What the model card says is done to the library's scores."""
    card = json.loads((model.folder / "model" / "assets.extra" / "model_card.json").read_text())
    if card["calibration"] is None:
        return scores
    return Calibration(**card["calibration"])(tf.constant(scores, tf.float32)).numpy()


def test_served_scores_are_the_librarys(pushed: dict[str, Pushed]) -> None:
    for head, model in pushed.items():
        expected = expected_scores(model)
        assert np.ptp(expected, axis=0).min() > 0.1, head  # Not the same for every clip.
        np.testing.assert_allclose(model.scores, expected, atol=1e-5, err_msg=head)
        top = [model.classes[i].encode() for i in expected.argmax(axis=1)]
        assert model.label.tolist() == top, head


def test_metrics_and_model_card(pushed: dict[str, Pushed]) -> None:
    for head, model in pushed.items():
        training = json.loads((model.folder / "model_run" / "history.json").read_text())
        card = json.loads((model.folder / "model" / "assets.extra" / "model_card.json").read_text())
        assert card["head"] == head
        assert card["metrics"] == training["metrics"]
        assert set(training["metrics"]["eval"]) == {"loss", "accuracy"}
        assert card["metrics"]["train"]["accuracy"] > 1.5 / len(model.classes)
        assert card["parameters"] >= card["trainable_parameters"] > 0
        assert ("xgboost" in card["versions"]) == (head == "xgboost")
        assert bool(training["history"]) == (head in ("dense", "xgboost"))


def test_native_files_are_pushed_with_the_model(pushed: dict[str, Pushed]) -> None:
    for head, model in pushed.items():
        names = {path.name for path in (model.folder / "model" / "assets.extra").iterdir()}
        native = set() if head == "dense" else {"head.npz"}
        if head == "xgboost":
            native |= {"xgboost.ubj", "xgboost_labels.json"}
        if model.embedding.shape[1] <= 1_024:
            native |= {"training_statistics.npz"}
        assert names == {"model_card.json", "tf_serving_warmup_requests"} | native
    model = pushed["xgboost"]
    booster = xgboost.Booster(model_file=model.folder / "model" / "assets.extra" / "xgboost.ubj")
    reduced = model.fitted.reduction.transform(model.embedding.astype(np.float64))
    scores = booster.predict(xgboost.DMatrix(reduced.astype(np.float32)))
    np.testing.assert_allclose(calibrated(model, scores), model.scores, atol=1e-5)


def test_models_keep_the_statistics_of_their_training_windows(pushed) -> None:
    """Of 40 features, not of 8,192."""
    for head in pushed.values():
        statistics = read_training_statistics(str(head.folder / "model"))
        root = head.folder.parents[1]
        _, windows = windows_of(pq.read_table(root / "train.parquet"))
        if windows.shape[1] > 1_024:
            assert statistics is None
        else:
            assert statistics.count == len(windows)
            expected = np.cov(windows.astype(np.float64), rowvar=False)
            np.testing.assert_allclose(statistics.covariance, expected, rtol=1e-6, atol=1e-9)
