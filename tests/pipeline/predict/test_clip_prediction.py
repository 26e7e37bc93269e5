"""Predictions of files: by a model that is loaded here, and by a server over REST and gRPC."""

import glob
import json
import shutil
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import soundfile
import tensorflow as tf
from serving_stand_in import NAME, Server, rest, rpc

from pipeline.predict.clip_prediction import (
    Answer,
    Prediction,
    Refusal,
    answer_from,
    load_pushed_model,
    predict_files,
    to_prediction,
)
from pipeline.predict.inputs import find_pushed_model, find_sounds, take_model
from pipeline.predict.model_server import ServerError, connect_to_server
from pipeline.predict.prediction_tables import check_table_path, write_predictions
from schema.model_card import write_model_card
from trainer.heads.pooling import PooledHead
from trainer.serving.served_classifier import ServedClassifier
from vggish.audio.decoding import decode, pcm16_from_samples
from vggish.errors import AudioError, ConfigError
from vggish.example_features import bytes_feature, serialized_example
from vggish.networks.layer_taps import build_features
from vggish.networks.network import FrontEnd

CLASSES = ["dog", "chat noir", "ö"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(0)
    head = keras.Sequential([keras.Input([40]), keras.layers.Dense(3, activation="softmax")])
    folder = tmp_path_factory.mktemp("model")
    served = ServedClassifier(
        build_features("mfcc", None),
        PooledHead(head),
        CLASSES,
        FrontEnd(),
        max_samples=120 * 16_000,
        thresholds=None,
    )
    served.save(str(folder))
    write_model_card(str(folder), {"network": "vggish", "hop_seconds": 0.96})
    return folder


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A WAV file at 16 kHz, a text file, a FLAC file at 22,050 Hz, and a long WAV file."""
    folder = tmp_path_factory.mktemp("sounds")
    rng = np.random.default_rng(0)
    files = [folder / name for name in ("a.wav", "b.txt", "c.flac", "d.wav")]
    soundfile.write(files[0], rng.normal(0, 0.1, 16_000), 16_000)
    files[1].write_text("no sound")
    soundfile.write(files[2], rng.normal(0, 0.1, 30_000), 22_050)
    soundfile.write(files[3], rng.normal(0, 0.1, 16_000 * 130), 16_000)
    return files


@pytest.fixture(scope="module")
def local(model: Path, sounds: list[Path]) -> list[Prediction]:
    return list(predict_files(sounds, load_pushed_model(str(model))))


def test_every_file_is_answered_or_refused(local: list[Prediction], sounds: list[Path]) -> None:
    assert [p.clip for p in local] == [str(file) for file in sounds]
    assert [p.error is None for p in local] == [True, False, True, True]
    assert "unreadable" in str(local[1].error)
    for prediction in (local[0], local[2], local[3]):
        assert set(prediction.scores) == set(CLASSES)
        assert list(prediction.scores.values()) == sorted(prediction.scores.values(), reverse=True)
        assert prediction.labels == [prediction.label] == [next(iter(prediction.scores))]


def test_a_sound_in_stretches_scores_as_the_whole(
    model: Path, sounds: list[Path], local: list[Prediction]
) -> None:
    examples = [
        serialized_example({"pcm": bytes_feature([pcm16_from_samples(decode(file).samples)])})
        for file in (sounds[0], sounds[2], sounds[3])
    ]
    signature = tf.saved_model.load(str(model)).signatures["examples"]
    expected = signature(examples=tf.constant(examples))["scores"].numpy()
    for prediction, scores in zip((local[0], local[2], local[3]), expected, strict=True):
        assert [prediction.scores[name] for name in CLASSES] == pytest.approx(scores, abs=1e-5)


def test_memory_does_not_grow_with_the_length_of_a_sound(model: Path) -> None:
    answers = load_pushed_model(str(model))
    minutes = 20

    def minute() -> Iterator[np.ndarray]:
        for seed in range(minutes):
            yield np.random.default_rng(seed).normal(0, 0.1, 60 * 16_000).astype(np.float32)

    tracemalloc.start()
    try:
        ((_, answer),) = answers([("long", minute())])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(answer, Answer)
    assert peak < minutes * 60 * 16_000 * 4 / 2  # Half of the samples.


def test_a_sound_that_is_refused_at_its_end_has_no_answer(model: Path) -> None:
    def broken() -> Iterator[np.ndarray]:
        yield np.zeros(100 * 16_000, np.float32)
        raise AudioError("damaged", "It is damaged.")

    good = np.zeros(16_000, np.float32)
    sounds = [("a", [good]), ("b", broken()), ("c", [good])]
    found = dict(load_pushed_model(str(model))(sounds))
    assert list(found) == ["a", "b", "c"]
    assert found["b"] == Refusal("damaged: It is damaged.")
    assert isinstance(found["a"], Answer)
    assert found["a"] == found["c"]


def test_a_model_of_an_earlier_version_hears_sounds_as_a_whole(model: Path, tmp_path: Path) -> None:
    loaded = tf.saved_model.load(str(model))
    earlier = {name: loaded.signatures[name] for name in ("waveform", "examples")}
    tf.saved_model.save(loaded, str(tmp_path / "earlier"), signatures=earlier)
    sounds = [("a.wav", [np.sin(np.arange(20_000) / 9).astype("f"), np.zeros(5_000, "f")])]
    (name, answer), (_, expected) = (
        *load_pushed_model(str(tmp_path / "earlier"))(sounds),
        *load_pushed_model(str(model))(sounds),
    )
    assert name == "a.wav"
    np.testing.assert_allclose(answer.scores, expected.scores, atol=1e-5)


def test_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds no pushed model: its saved_model\.pb"):
        load_pushed_model(str(tmp_path))


@pytest.mark.parametrize("named", ["serving", "serving/", "serving/*/", "serving/9"])
def test_newest_of_several_versions_is_loaded(
    named: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("9", "10"):
        shutil.copytree(model, tmp_path / "serving" / version)
    (tmp_path / "serving" / "11").mkdir()  # A push that died.
    loaded: list[str] = []
    load = tf.saved_model.load
    monkeypatch.setattr(tf.saved_model, "load", lambda path: loaded.append(path) or load(path))
    monkeypatch.chdir(tmp_path)
    words = sorted(glob.glob(named)) if "*" in named else [named]
    folder, sounds = take_model([*words, "7"])
    load_pushed_model(folder)
    assert [Path(path).name for path in loaded] == ["9" if named == "serving/9" else "10"]
    assert sounds == ["7"]


def test_a_run_stands_for_its_newest_model(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "run" / "serving" / "3")
    assert find_pushed_model(str(tmp_path / "run")) == str(tmp_path / "run" / "serving" / "3")
    # A push folder of the configuration's own.
    elsewhere = shutil.copytree(model, tmp_path / "elsewhere" / "4")
    (tmp_path / "run" / "summary.json").write_text(json.dumps({"pushed_path": str(elsewhere)}))
    assert find_pushed_model(str(tmp_path / "run")) == str(elsewhere)


def test_a_run_without_a_pushed_model_is_named_as_one(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text('{"pushed_path": null}')
    with pytest.raises(ConfigError, match="has pushed no model"):
        find_pushed_model(str(tmp_path))


def test_other_files_of_a_folder_are_passed_over(sounds: list[Path], tmp_path: Path) -> None:
    folder = sounds[0].parent
    shutil.copy(sounds[0], tmp_path / "no_extension")
    assert find_sounds([str(folder)]) == [sounds[0], sounds[2], sounds[3]]
    assert find_sounds([str(sounds[1])]) == [sounds[1]]
    assert find_sounds([str(tmp_path)]) == [tmp_path / "no_extension"]


@pytest.mark.parametrize("arguments", [[], ["."]])
def test_at_least_one_sound_is_needed(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"There are no sounds.* to predict; name sound files"):
        find_sounds(arguments)


@pytest.mark.parametrize("place", ["", "..", "../.."])
def test_a_model_is_not_taken_for_sounds(place: str, model: Path, tmp_path: Path) -> None:
    version = shutil.copytree(model, tmp_path / "run" / "serving" / "3")
    with pytest.raises(ConfigError, match="is a model's folder, not sounds"):
        find_sounds([str((version / place).resolve())])


@pytest.mark.parametrize("serve", [rest, rpc])
def test_a_server_says_the_same(
    serve: Callable[[Server], AbstractContextManager[str]],
    model: Path,
    sounds: list[Path],
    local: list[Prediction],
) -> None:
    with serve(Server(model)) as url:
        served = list(predict_files(sounds, connect_to_server(url, NAME, 30)))
    assert [p.label for p in served[:3]] == [p.label for p in local[:3]]
    assert [p.labels for p in served[:3]] == [p.labels for p in local[:3]]
    for one, other in zip(served[:3], local[:3], strict=True):
        assert one.scores == pytest.approx(other.scores, abs=1e-5)
    # What is too long for a server is refused by it, and the others are answered.
    assert "the limit is 120 seconds" in str(served[3].error)


def test_an_answer_with_an_error_is_a_refusal() -> None:
    outputs = {"scores": [0.0], "labels": [b"dog"], "label": b"", "decisions": [False]}
    assert answer_from(outputs | {"error": b"The item is odd."}) == Refusal("The item is odd.")


@pytest.mark.parametrize("serve", [rest, rpc])
def test_a_busy_server_is_asked_again(
    serve: Callable[[Server], AbstractContextManager[str]], model: Path, sounds: list[Path]
) -> None:
    server = Server(model, busy=2)
    with serve(server) as url:
        (prediction,) = predict_files(sounds[:1], connect_to_server(url, NAME, 30))
    assert prediction.error is None
    assert server.asked == 3


@pytest.mark.parametrize("serve", [rest, rpc])
def test_what_the_server_lacks_is_said(
    serve: Callable[[Server], AbstractContextManager[str]], model: Path, sounds: list[Path]
) -> None:
    with serve(Server(model)) as url, pytest.raises(ServerError, match="not found"):
        list(predict_files(sounds[:1], connect_to_server(url, "other", 30)))


@pytest.mark.parametrize("scheme", ["http", "https", "grpc", "grpcs"])
def test_no_server_is_said(scheme: str, sounds: list[Path]) -> None:
    # The port of a listener that is closed.
    with pytest.raises(ServerError, match=r"127\.0\.0\.1:9"):
        list(predict_files(sounds[:1], connect_to_server(f"{scheme}://127.0.0.1:9", NAME, 1)))


@pytest.mark.parametrize("url", ["localhost:8501", "ftp://host:1", "grpc://"])
def test_wrong_addresses_are_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="not a server's address"):
        connect_to_server(url, NAME, 1)


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_table_has_a_row_a_file(suffix: str, local: list[Prediction], tmp_path: Path) -> None:
    path = tmp_path / f"out{suffix}"
    # The first file has no answer that would tell the classes.
    assert write_predictions(iter([local[1], local[0], local[2]]), str(path)) == (3, 1)
    table = pq.read_table(path).to_pandas() if suffix == ".parquet" else pd.read_csv(path)
    assert list(table["fname"]) == [local[i].clip for i in (1, 0, 2)]
    assert table["label"].isna().tolist() == [True, False, False]
    assert table["error"].isna().tolist() == [False, True, True]
    labels = table["labels"][1]
    assert (list(labels) if suffix == ".parquet" else json.loads(labels)) == local[0].labels
    for name in CLASSES:
        assert np.isnan(table[f"score_{name}"][0])
        assert table[f"score_{name}"][1] == pytest.approx(local[0].scores[name], abs=1e-6)


def test_a_clip_of_no_class_has_no_label_but_is_an_answer(tmp_path: Path) -> None:
    outputs = {
        "label": b"",
        "labels": [b"dog", b"cat"],
        "scores": [0.25, 0.125],
        "decisions": [False, False],
        "unfamiliarity": np.float32(1.5),
    }
    none = to_prediction("lorry.wav", answer_from(outputs))
    assert (none.label, none.labels, none.unfamiliarity, none.error) == (None, [], 1.5, None)
    json.dumps(none.unfamiliarity)
    path = tmp_path / "out.parquet"
    refused = to_prediction("text.wav", Refusal("unreadable: no sound."))
    assert write_predictions(iter([refused, none]), str(path)) == (2, 1)
    table = pq.read_table(path).to_pydict()
    assert table["unfamiliarity"] == [None, 1.5]
    assert table["label"] == [None, None]


def test_a_table_that_is_not_finished_is_not_there(local: list[Prediction], tmp_path: Path) -> None:
    def broken() -> Iterator[Prediction]:
        yield local[0]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        write_predictions(broken(), str(tmp_path / "out.csv"))
    assert list(tmp_path.iterdir()) == []


def test_wrong_tables_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"must end with one of \.parquet, \.csv"):
        check_table_path("out.txt")
