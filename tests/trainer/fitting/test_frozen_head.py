"""Heads that learn from embeddings of a network that nobody named."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from embedded_blobs import CLASSES, SIZE, answers, trainer_call, write_clips
from transform_graphs import write_transform_graph

from schema.clip_scores import EVAL_SCORES_FILE, read_clip_scores
from schema.model_card import read_model_card
from trainer.fitting.frozen_head import run_fn


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graph")
    write_transform_graph(CLASSES, folder)
    return folder / "transform"


@pytest.mark.parametrize(
    "model",
    [
        {"head": "dense", "hidden": [16]},
        {"head": "dense", "hidden": [16], "pooling": "attention"},
        {"head": "logistic_regression"},
        {"head": "rbf_svm"},
        {"head": "xgboost"},
    ],
    ids=lambda model: f"{model['head']}_{model.get('pooling', 'mean')}",
)
def test_every_kind_of_head_is_served_with_embeddings(
    tmp_path: Path, graph: Path, model: dict[str, Any]
) -> None:
    clips = write_clips(tmp_path / "eval.parquet", 30, 2)
    write_clips(tmp_path / "train.parquet", 90, 1)
    train(tmp_path, graph, {"task": "single_label"} | model)
    card = read_model_card(str(tmp_path / "model"))
    assert (card["network"], card["embedding_size"], card["embedded"]) == (None, SIZE, True)
    assert card["metrics"]["eval"]["accuracy"] > 0.8
    answer = answers(tmp_path, clips)
    assert "unfamiliarity" not in answer
    trained = read_clip_scores(str(tmp_path / "model_run" / EVAL_SCORES_FILE))
    expected = [trained[f"eval{i:03}"] for i in range(len(clips))]
    np.testing.assert_allclose(answer["scores"], expected, atol=1e-5)


@pytest.mark.parametrize("wanted", [None, 0.8])
def test_an_open_set_gives_a_clip_one_label_or_none(
    tmp_path: Path, graph: Path, wanted: float | None
) -> None:
    write_clips(tmp_path / "train.parquet", 120, 1, background=40)
    clips = write_clips(tmp_path / "eval.parquet", 60, 2, background=20)
    train(tmp_path, graph, {"task": "open_set", "head": "logistic_regression"}, wanted)
    card = read_model_card(str(tmp_path / "model"))
    (threshold,) = set(card["thresholds"].values())
    assert card["unfamiliarity"] is True
    assert (card["target_precision"] or {"wanted": None})["wanted"] == wanted
    answer = answers(tmp_path, clips)
    reached = answer["scores"].max(axis=1) >= np.float32(threshold)
    reached &= answer["unfamiliarity"] <= 1
    assert answer["decisions"].sum(axis=1).tolist() == reached.astype(int).tolist()
    expected = np.where(reached, np.array(CLASSES)[answer["scores"].argmax(axis=1)], "")
    assert [label.decode() for label in answer["label"]] == expected.tolist()
    assert reached[:40].mean() > 0.8
    assert reached[40:].mean() < 0.4
    assert np.median(answer["unfamiliarity"][:40]) == pytest.approx(0, abs=1e-4)
    assert np.median(answer["unfamiliarity"][40:]) > 1


def train(
    folder: Path, graph: Path, model: dict[str, Any], target_precision: float | None = None
) -> None:
    settings = {"epochs": 8, "learning_rate": 0.02}
    run_fn(trainer_call(folder, graph, folder, model, settings, target_precision))
