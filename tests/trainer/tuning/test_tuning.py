"""A search over heads, on embedded clips."""

import json
from pathlib import Path
from typing import Any

import pytest
from embedded_blobs import CLASSES, SIZE, write_clips
from tfx.components.trainer.fn_args_utils import FnArgs
from transform_graphs import write_transform_graph

from schema.config.model_settings import FeatureSettings, ModelSettings, TrainSettings
from schema.folds import Fold
from schema.tuning import BEST_FILE, TRIALS_FILE
from trainer.fitting.training_job import read_training_job
from trainer.tuning import tuning
from trainer.tuning.search_space import draw_settings

CLIPS = 60
FOLDS = [
    Fold(
        str(number),
        frozenset(f"clips{i:03}" for i in range(CLIPS) if i // 3 % 2 == number),
        frozenset(f"clips{i:03}" for i in range(CLIPS) if i // 3 % 4 == 1 - number),
    )
    for number in range(2)
]


def arguments(folder: Path, **changes: Any) -> FnArgs:
    if not (folder / "clips.parquet").exists():
        write_clips(folder / "clips.parquet", CLIPS, 1)
        write_transform_graph(CLASSES, folder)
    weak = ModelSettings(
        task="single_label", features="embedding", head="knn", knn={"neighbours": 14}, name="tuned"
    )
    sections = {"model": weak, "train": TrainSettings(epochs=4), "features": FeatureSettings()}
    return FnArgs(
        train_files=[str(folder / "clips.parquet")],
        transform_output=str(folder / "transform"),
        working_dir=str(folder / "finished"),
        custom_config={
            **{name: section.model_dump(mode="json") for name, section in sections.items()},
            "max_clip_samples": 16_000 * 600,
            "embedding_size": SIZE,
            "target_precision": None,
            "folds": FOLDS,
            "tune": {"trials": 4, "seed": 3, "minutes": None},
            "outputs": {k: str(folder / k) for k in ("best_hyperparameters", "trials")},
        },
        **changes,
    )


def test_the_best_settings_and_all_trials_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[dict[str, Any]] = [
        {"model": {"head": "linear_discriminant"}, "train": {}},
        {"model": {"head": "knn", "knn": {"neighbours": 15}}, "train": {}},
        {"model": {"head": "logistic_regression", "pooling": "mean_max"}, "train": {"seed": 5}},
    ]
    monkeypatch.setattr(tuning, "draw_settings", lambda _, number: drawn[number - 1])
    found = []
    for _ in range(2):
        tuning.run_fn(arguments(tmp_path))
        found.append(json.loads((tmp_path / "trials" / TRIALS_FILE).read_text()))
        for trial in found[-1]["trials"]:
            assert trial.pop("seconds") > 0
    assert found[0] == found[1]
    trials = found[0]["trials"]
    assert (found[0]["metric"], found[0]["folds"]) == ("accuracy", 2)
    assert [trial["settings"] for trial in trials] == [{"model": {}, "train": {}}, *drawn]
    assert len(trials[0]["scores"]) == 2
    whole = {t["number"]: sum(t["scores"]) for t in trials if len(t["scores"]) == 2}
    assert whole[found[0]["chosen"]] == max(whole.values()) > whole[0]
    best = json.loads((tmp_path / "best_hyperparameters" / BEST_FILE).read_text())
    assert best == trials[found[0]["chosen"]]["settings"]
    assert not (tmp_path / "finished").exists()


def test_a_trainer_takes_the_best_settings(tmp_path: Path) -> None:
    best = {
        "model": {"head": "dense", "hidden": [7], "pooling": "mean_max"},
        "train": {"epochs": 9},
    }
    job = read_training_job(arguments(tmp_path, hyperparameters=best))
    assert (job.model.title, job.model.head, job.model.hidden) == ("tuned", "dense", (7,))
    assert (job.model.task, job.model.features) == ("single_label", "embedding")
    assert (job.train.epochs, job.train.batch_size) == (9, TrainSettings().batch_size)


def test_the_drawn_settings_are_those_of_the_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []
    monkeypatch.setattr(tuning, "halve", lambda trials, *_, **__: tried.extend(trials) or trials[0])
    tuning.run_fn(arguments(tmp_path))
    assert [trial.settings for trial in tried[1:]] == [draw_settings(3, n) for n in (1, 2, 3)]
