"""Ensembles through the `run_fn`: one model, whose scores are those of its members combined."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from embedded_blobs import CLASSES, write_clips
from scipy.special import softmax
from trained_blobs import answers, train
from transform_graphs import write_transform_graph

from schema.model_card import read_model_card
from schema.training_statistics import read_training_statistics
from trainer.ensemble.training import run_fn
from trainer.fitting.calibration import Calibration

MEMBERS: dict[str, dict[str, Any]] = {
    "layers": {"head": "dense", "hidden": [16], "pooling": "attention"},
    "machine": {"head": "rbf_svm", "pooling": "mean_max"},
    "trees": {"head": "xgboost", "calibrate": False},
}


@pytest.fixture(scope="module", params=["single_label", "multi_label", "open_set"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of clips, with trained members, of a task."""
    folder = tmp_path_factory.mktemp(request.param)
    background = 40 if request.param == "open_set" else 0
    write_clips(folder / "train.parquet", 120, 1, background=background)
    write_clips(folder / "eval.parquet", 90, 2, background=background // 2)
    write_transform_graph(CLASSES, folder)
    for name, settings in MEMBERS.items():
        model = {"name": name, "task": request.param} | settings
        train(folder, folder / "transform", model, to=folder / name)
    return folder


def combine(trained: Path, to: Path, **ensemble: Any) -> dict[str, Any]:
    """Makes an ensemble of the members; returns its card."""
    model = {
        "head": "ensemble",
        "task": trained.name.rstrip("0123456789"),
        "ensemble": {"members": list(MEMBERS)} | ensemble,
    }
    folders = {
        name: {key: str(trained / name / key) for key in ("model", "model_run")} for name in MEMBERS
    }
    train(trained, trained / "transform", model, run_fn=run_fn, to=to, members=folders)
    return read_model_card(str(to / "model"))


@pytest.mark.parametrize("how", ["mean", "stack"])
def test_scores_are_those_of_the_members_combined(tmp_path: Path, trained: Path, how: str) -> None:
    card = combine(trained, tmp_path, combine=how)
    clips = write_clips(tmp_path / "new.parquet", 50, 3, background=10)
    scores = [np.clip(answers(trained / name, clips)["scores"], 1e-7, 1 - 1e-7) for name in MEMBERS]
    weights = [member["weight"] for member in card["ensemble"]["members"]]
    single = card["task"] == "single_label"
    if how == "mean":
        shares = [s / s.sum(axis=1, keepdims=True) if single else s for s in scores]
        expected = np.mean(shares, axis=0)
        assert weights == pytest.approx([1 / 3] * 3)
    elif single:
        expected = softmax(sum(w * np.log(s) for w, s in zip(weights, scores, strict=True)), axis=1)
        assert min(weights) >= 0
    else:
        odds = sum(w * (np.log(s) - np.log1p(-s)) for w, s in zip(weights, scores, strict=True))
        expected = 1 / (1 + np.exp(-odds - card["ensemble"]["offset"]))
    if card["calibration"]:
        expected = Calibration(**card["calibration"])(expected.astype(np.float32)).numpy()
    answer = answers(tmp_path, clips)
    assert np.ptp(expected, axis=0).min() > 0.1
    np.testing.assert_allclose(answer["scores"], expected, atol=1e-5)
    assert (answer["scores"][:40].argmax(axis=1) == np.arange(40) % 3).mean() > 0.8
    assert ("unfamiliarity" in answer) == (card["task"] == "open_set")
    if "unfamiliarity" in answer:
        told = answers(trained / "layers", clips)["unfamiliarity"]
        np.testing.assert_allclose(answer["unfamiliarity"], told, rtol=1e-5)
        assert not answer["decisions"][40:].any(axis=1).all()


def test_the_card_names_the_members(tmp_path: Path, trained: Path) -> None:
    card = combine(trained, tmp_path)
    cards = [read_model_card(str(trained / name / "model")) for name in MEMBERS]
    assert [member["name"] for member in card["ensemble"]["members"]] == list(MEMBERS)
    assert [member["head"] for member in card["ensemble"]["members"]] == [
        "dense",
        "rbf_svm",
        "xgboost",
    ]
    assert (card["head"], card["features"]) == ("ensemble", "embedding")
    assert card["ensemble"]["combine"] == "stack"
    assert all(one["ensemble"] is None for one in cards)
    assert card["trainable_parameters"] == sum(one["trainable_parameters"] for one in cards)
    if card["task"] != "open_set":  # An open set's distances have variables of their own.
        assert card["parameters"] == sum(one["parameters"] for one in cards)
    # A model server reads the variables by the names in the file, and repairs nothing.
    stored = tf.train.list_variables(str(tmp_path / "model" / "variables" / "variables"))
    sizes = [math.prod(shape) for name, shape in stored if "VARIABLE_VALUE" in name]
    assert sum(sizes) == card["parameters"]
    # The eval split chose epochs, calibration and thresholds; of both splits, all clips count.
    assert card["clips"] == cards[0]["clips"]
    assert card["metrics"]["eval"].keys() == cards[0]["metrics"]["eval"].keys()
    assert read_training_statistics(str(tmp_path / "model")) is not None
