"""Configurations of well-known data sets, through the whole pipeline, on tiny trees."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from preset_trees import BUILDERS
from rich.console import Console

from pipeline.cli.console import NodeProgress
from pipeline.config_checks import check_config
from pipeline.runners.local_run import run_locally
from pipeline.runners.run_folder import open_run_folder
from schema.config.config_file import load_config
from schema.model_card import read_model_card

CONFIGS = Path(__file__).resolve().parents[3] / "configs"


TRIED_APART = {
    "audioset_embeddings",
    "fsdkaggle2019",
    "speech_commands_models",
    "speech_commands_warm_start",
    # These differ from others in their listing alone, which the tests of the sources try.
    "esc10",
    "esc10_alone",
    "speech_commands_hash",
    "speech_commands_lists",
}


def run_preset(name: str, folder: Path, **overrides: Any) -> dict[str, Any]:
    if not (folder / "data").exists():
        BUILDERS[name](folder / "data")
    tiny = {
        "train.epochs": 2,
        "evaluate.min_score": 0,
    }
    if name != "speech_commands_models":  # A list, which tells what each model learns from.
        # The quickest; what is tried here is the data's way through.
        tiny["model.features"] = "mfcc"
    return run_on(folder / "data", name, folder, tiny | overrides)


def run_on(root: Path, name: str, folder: Path, overrides: dict[str, Any]) -> dict[str, Any]:
    values = {"source.root": str(root), "features.checkpoint": "random", **overrides}
    config = check_config(load_config(CONFIGS / f"{name}.yaml", values))
    with Path(os.devnull).open("w") as nowhere, NodeProgress(Console(file=nowhere)) as progress:
        return run_locally(config, open_run_folder(folder / "run"), progress)


@pytest.mark.long_runs
@pytest.mark.parametrize("name", sorted(BUILDERS.keys() - TRIED_APART))
def test_sounds_become_a_pushed_model(name: str, tmp_path: Path) -> None:
    # By hash, this seed deals some of the eight speakers of the tiny tree to every split.
    seeded = {"split.seed": 1} if name == "speech_commands" else {}
    summary = run_preset(name, tmp_path, **seeded)
    clips = summary["clips"]
    windows = clips.get("windows")
    accepted = windows["found"] - windows["left_out"] if windows else clips["accepted"]
    assert accepted == sum(clips["by_split"].values()) > 0
    assert summary["pushed_path"], summary["checks"]
    assert Path(summary["pushed_path"], "saved_model.pb").is_file()
    folds = {"esc50": 5, "urbansound8k": 10}.get(name)
    assert (folds is None) == (summary["cross_validation"] is None)
    if folds:
        check_cross_validation(summary, tmp_path, folds)


def check_cross_validation(summary: dict[str, Any], folder: Path, folds: int) -> None:
    """Every accepted clip was tested once, in the fold of its name, and the card says so."""
    found = summary["cross_validation"]
    assert [fold["fold"] for fold in found["folds"]] == [str(i + 1) for i in range(folds)]
    assert found["pooled"]["clips"] == summary["clips"]["accepted"]
    assert read_model_card(summary["pushed_path"])["cross_validation"] == found
    table = pq.read_table(folder / "run" / "out_of_fold" / "dense.parquet").to_pandas()
    assert table["fname"].is_unique
    right = table["true"] == table["predicted"]
    assert right.mean() == pytest.approx(found["pooled"]["accuracy"])
    for name, fold in zip(table["fname"], table["fold"], strict=True):
        assert f"audio/fold{fold}/" in name or f"audio/{fold}-" in name


@pytest.mark.long_runs
def test_every_kind_of_model_side_by_side(tmp_path: Path) -> None:
    members = ["dense_200_100", "xgboost", "on_embedding"]
    seeded = {
        "split.seed": 1,
        "model.11.train.epochs": 1,
        "model.12.ensemble.members": members,
        "model.12.ensemble.combine": "mean",
    }
    summary = run_preset("speech_commands_models", tmp_path, **seeded)
    models = {model["name"]: model for model in summary["models"]}
    assert len(models) == 13
    assert [one["name"] for one in models["ensemble"]["ensemble"]["members"]] == members
    assert models["ensemble"]["features"] == "fusion, embedding"
    check_mean(tmp_path, members)
    assert sum(model["chosen"] for model in models.values()) == 1
    chosen = models[summary["model"]["name"]]
    scores = [model["metrics"]["eval"]["accuracy"] for model in models.values()]
    assert chosen["metrics"]["eval"]["accuracy"] == max(scores)
    assert Path(summary["pushed_path"], "saved_model.pb").is_file()
    # Another combination trains nothing again but the ensemble.
    again = run_preset(
        "speech_commands_models", tmp_path, **seeded | {"model.12.ensemble.combine": "stack"}
    )
    combined = {model["name"]: model["ensemble"] for model in again["models"]}["ensemble"]
    assert (combined["combine"], len(combined["members"])) == ("stack", 3)
    runs = {name: len(list(trained_models(tmp_path, name))) for name in models}
    assert {name for name, count in runs.items() if count > 1} == {"ensemble"}


def trained_models(folder: Path, name: str) -> list[Path]:
    return list(folder.glob(f"run/pipeline/Trainer_{name}/model/*/Format-Serving"))


def check_mean(folder: Path, members: list[str]) -> None:
    """The ensemble's scores of sounds, by one model, are the mean of those by its members."""
    sounds = [path.read_bytes() for path in sorted(folder.glob("data/*/*.wav"))[:12]]
    scores = {}
    for name in ("ensemble", *members):
        (model,) = trained_models(folder, name)
        served = tf.saved_model.load(str(model)).signatures["serving_default"]
        scores[name] = served(audio_bytes=tf.constant(sounds))["scores"].numpy()
        assert name != "ensemble" or read_model_card(str(model))["calibration"] is None
    shares = [scores[name] / scores[name].sum(axis=1, keepdims=True) for name in members]
    assert np.ptp(scores["ensemble"], axis=0).min() > 0.01
    np.testing.assert_allclose(scores["ensemble"], np.mean(shares, axis=0), atol=1e-5)


@pytest.mark.long_runs
def test_several_labels_and_an_unlabelled_test_set(tmp_path: Path) -> None:
    summary = run_preset("fsdkaggle2019", tmp_path)
    assert summary["model"]["task"] == "multi_label"
    assert 0 < summary["metrics"]["test"]["lwlrap"] <= 1
    assert summary["clips"]["by_split"]["unlabelled"] == 3
    table = pq.read_table(next(tmp_path.glob("run/pipeline/BatchPredictor/predictions/*")))
    assert sorted(table["fname"].to_pylist()) == [f"test/t{i:07x}.wav" for i in range(3)]
    assert set(table.column_names[2:]) == {"score_Bark", "score_Gurgling"}


@pytest.mark.long_runs
def test_released_embeddings_in_place_of_sound(tmp_path: Path) -> None:
    pca = tmp_path / "vggish_pca_params.npz"
    np.savez(pca, pca_eigen_vectors=np.eye(128, dtype="f"), pca_means=np.zeros(128, "f"))
    summary = run_preset(
        "audioset_embeddings",
        tmp_path,
        **{"model.features": "embedding", "features.pca_params": str(pca)},
    )
    assert summary["model"]["task"] == "multi_label"
    assert Path(summary["pushed_path"], "saved_model.pb").is_file()


@pytest.mark.long_runs
def test_vggish_is_trained_and_then_goes_on(tmp_path: Path) -> None:
    overrides = {
        "model.features": "fusion",
        "model.warm_start.start": "last_blessed",
        "evaluate.max_drop": 1,
        "split.seed": 1,
    }
    pushed = []
    for _ in range(2):
        summary = run_preset("speech_commands_warm_start", tmp_path, **overrides)
        assert summary["model"]["head"] == "warm_start"
        pushed.append(read_model_card(summary["pushed_path"])["started_from"])
    first, second = pushed
    assert first == {"start": "checkpoint"}
    assert second["start"] == "last_blessed"
    assert sorted(second["classes"]) == ["no", "yes"]
    # What an interrupted training needs is not kept for longer.
    assert not list(tmp_path.glob("run/pipeline/Trainer/training/*"))


@pytest.mark.real_data
def test_heads_learn_from_audioset(tmp_path: Path, real_data: Path) -> None:
    # Of AudioSet's release there are two files, without the folders of its splits.
    summary = run_on(
        real_data / "audioset_embeddings",
        "audioset_embeddings",
        tmp_path,
        {
            "source.class_names": None,
            "split": {"kind": "hash", "allow_missing": True},  # Most classes have a few clips.
            "features.pca_params": str(real_data / "golden" / "vggish_pca_params.npz"),
            "model": [
                {"name": "dense", "features": "embedding"},
                {
                    "name": "attention",
                    "features": "embedding",
                    "hidden": [200, 100],
                    "pooling": "attention",
                },
                {"name": "regression", "features": "embedding", "head": "logistic_regression"},
            ],
            "evaluate.min_score": 0.6,
        },
    )
    assert summary["clips"]["accepted"] == 650
    by_name = {model["name"]: model["metrics"] for model in summary["models"]}
    assert by_name.keys() == {"dense", "attention", "regression"}
    # The shares of the labels in the training split, which tell nothing of a clip, reach 0.555.
    assert min(metrics["test"]["lwlrap"] for metrics in by_name.values()) > 0.6
    assert Path(summary["pushed_path"], "saved_model.pb").is_file()
