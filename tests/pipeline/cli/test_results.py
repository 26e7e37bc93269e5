"""The comparison of past runs, on folders as runs leave them."""

import csv
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.runners.past_runs import differences, read_past_runs
from pipeline.runners.run_folder import open_run_folder
from schema.config.config_file import load_config
from vggish.errors import ConfigError

VGGISH_TFX = str(Path(sys.executable).with_name("vggish-tfx"))
LONG_NAME = "logistic_regression_on_published_embeddings"


def model(name: str, score: float, chosen: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "head": "dense",
        "features": "fusion",
        "task": "single_label",
        "trainable_parameters": 5_130,
        "weights": "random",
        "metrics": {
            "eval": {"accuracy": score},
            "test": {"accuracy": 0.9},
            "test_intervals": {"accuracy": [0.85, 0.95]},
        },
        "blessed": True,
        "chosen": chosen,
    }


def leave(
    path: Path, minute: int, models: list[dict], config: dict, cached: bool = False, **more: Any
) -> None:
    summary = {
        "config": {"source": {"root": "sounds"}, **config},
        "clips": {"accepted": 1_500},
        "model": {"weights": "random"},
        "models": models,
        "pushed_path": "/serving/1",
        "cached": ["Report"] if cached else [],
        **more,
    }
    when = datetime(2026, 1, 1, 12, minute)
    open_run_folder(path).publish("", summary, {}, when)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    leave(tmp_path / "sc", 1, [model("dense", 0.6, True), model("neighbours", 0.7)], {})
    leave(tmp_path / "sc", 2, [model(LONG_NAME, 0.8, True)], {"train": {"epochs": 5}})
    leave(tmp_path / "sc", 3, [model(LONG_NAME, 0.8, True)], {"train": {"epochs": 5}}, cached=True)
    return tmp_path / "sc"


def results(*words: object) -> str:
    command = [VGGISH_TFX, "results", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_repeated_runs_are_left_out(runs: Path) -> None:
    past = read_past_runs(runs)
    assert [run.when.minute for run in past] == [1, 2]
    assert differences(past) == [{"train.epochs": "default"}, {"train.epochs": "5"}]


def test_models_are_told_apart_by_name_where_settings_differ(tmp_path: Path) -> None:
    models = [{"head": "dense"}, {"head": "dense", "name": "wide", "hidden": [500]}]
    leave(tmp_path / "a", 1, [model("dense", 0.5)], {"model": models})
    leave(tmp_path / "b", 1, [model("dense", 0.5)], {"model": models[:1]})
    past = [*read_past_runs(tmp_path / "a"), *read_past_runs(tmp_path / "b")]
    assert differences(past)[0] == {
        "model.wide.head": "dense",
        "model.wide.name": "wide",
        "model.wide.hidden": "[500]",
    }


def test_table_has_the_best_first_and_says_what_differs(runs: Path) -> None:
    printed = results(runs)
    lines = printed.splitlines()
    assert max(map(len, lines)) <= 80
    assert "Scores are accuracy; on the test split, with its 95% interval." in printed
    scores = [line.split() for line in lines if "0.900 (0.85-0.95)" in " ".join(line.split())]
    assert [words[0] for words in scores] == ["2", "1", "1"]
    assert "sc 2026-01-01 12:02:00" in printed
    assert "train.epochs: 5" in printed
    assert "12:03:00" not in printed


def test_an_ensemble_is_shown_with_its_members(tmp_path: Path) -> None:
    ensemble = {"members": [{"name": "dense"}, {"name": "machine"}]}
    both = model("both", 0.7, chosen=True) | {"head": "ensemble", "ensemble": ensemble}
    leave(tmp_path, 1, [model("dense", 0.6), both], {})
    assert "both = dense + machine" in results(tmp_path)
    rows = json.loads(results(tmp_path, "--json"))
    assert [row["members"] for row in rows] == ["dense, machine", ""]


def test_programs_read_csv_and_json(runs: Path, tmp_path: Path) -> None:
    rows = json.loads(results(runs, "--json", "--csv", tmp_path / "out.csv"))
    assert [(row["model"], row["eval"]) for row in rows] == [
        (LONG_NAME, 0.8),
        ("neighbours", 0.7),
        ("dense", 0.6),
    ]
    assert rows[0]["metric"] == "accuracy"
    assert (rows[0]["test_low"], rows[0]["test_high"]) == (0.85, 0.95)
    assert [row["pushed"] for row in rows] == [True, False, True]
    with (tmp_path / "out.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [row["train.epochs"] for row in table] == ["5", "default", "default"]


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not the output folder of a finished run"):
        read_past_runs(tmp_path)


def tuned(*words: object) -> subprocess.CompletedProcess[str]:
    command = [VGGISH_TFX, "tuned", *map(str, words)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_what_a_search_found_is_a_configuration(tmp_path: Path) -> None:
    found = {
        "chosen": 1,
        "trials": [
            {"number": 0, "settings": {"model": {}, "train": {}}},
            {"number": 1, "settings": {"model": {"hidden": [512]}, "train": {"mixup": 0.2}}},
        ],
    }
    config = {
        "model": [{"head": "warm_start"}, {"task": "single_label", "train": {"epochs": 9}}],
        "evaluate": {"folds": 5},
        "tune": {"trials": 2},
    }
    leave(tmp_path / "sc", 1, [model("tuned", 0.6, True)], config, tuning=found)
    job = tmp_path / "best.yaml"
    done = tuned(tmp_path / "sc", "-o", job)
    assert done.returncode == 0, done.stderr
    best = load_config(job, {})
    assert best.tune is None
    assert best.evaluate.folds == 5
    (only,) = best.model
    assert (only.head, only.hidden, only.task) == ("dense", (512,), "single_label")
    assert best.train_settings(only).epochs == 9
    assert best.train_settings(only).mixup == 0.2
    assert tuned(tmp_path / "sc").stdout == job.read_text()


def test_a_run_without_a_search_has_no_tuned_settings(runs: Path) -> None:
    done = tuned(runs)
    assert done.returncode == 2
    assert "searched for no settings; run the job with a section `tune`" in done.stderr
