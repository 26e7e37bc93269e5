"""Which of several models goes on, and what is kept of all."""

import json
from pathlib import Path
from typing import Any

import pytest
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact

from components.artifacts import CrossValidation, ModelComparison, Rejects
from components.evaluation_results import Evaluation
from components.model_selector import executor
from schema.folds import RESULTS_FILE
from schema.model_card import write_model_card

CLIPS = {
    "found": 12,
    "accepted": 10,
    "rejected": 2,
    "by_split": {"train": 6, "eval": 2, "test": 2},
    "by_label": {"dog": {"train": 6, "eval": 2, "test": 2}},
    "groups": {"known": 0, "files": 0, "largest": None, "likely": None},
    "warnings": ["There are only 2 <test> clips."],
}
TYPES = {
    "model": standard_artifacts.Model,
    "model_run": standard_artifacts.ModelRun,
    "evaluation": standard_artifacts.ModelEvaluation,
    "blessing": standard_artifacts.ModelBlessing,
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def read(folder: str, location: str, classes: list[str]) -> Evaluation:
        assert location == folder.replace("evaluation", "model") + "/Format-Serving"
        assert classes == ["dog", "<cat>"]
        return Evaluation(
            score="accuracy",
            metrics={"accuracy": 0.5, "clips": 2.0},
            intervals={"accuracy": (0.4, 0.6)},
            per_class={
                "dog": {"precision": 1.0, "recall": 0.5, "f1": 2 / 3, "support": 2},
                "<cat>": {"support": 0},
            },
            confusion=None,
            slices={},
            checks=[],
        )

    # The Evaluator's own files are read in the tests of whole pipelines.
    monkeypatch.setattr(executor, "read_evaluation", read)
    return tmp_path


def add(root: Path, name: str, accuracy: float, loss: float, blessed: bool) -> dict[str, Artifact]:
    artifacts = {}
    for key, kind in TYPES.items():
        artifacts[key] = kind()
        artifacts[key].uri = str(root / name / key)
        (root / name / key).mkdir(parents=True)
        (root / name / key / "whose").write_text(name)
    artifacts["blessing"].set_int_custom_property("blessed", int(blessed))
    card = {
        "classes": ["dog", "<cat>"],
        "name": name,
        "head": "dense",
        "network": "vggish",
        "features": "fusion",
        "task": "single_label",
        "parameters": 9,
        "trainable_parameters": 3,
        "learned_from": {"clips": 9_000, "components": 5_000, "classifier": 9_000},
        "ensemble": None,
        "weights": "random",
        "sha256": "0" * 64,
        "thresholds": None,
        "metrics": {"eval": {"accuracy": accuracy, "loss": loss}},
        "versions": {"tensorflow": "2.16.2"},
    }
    write_model_card(str(root / name / "model" / "Format-Serving"), card)
    return artifacts


def select(root: Path, *models: dict[str, Artifact]) -> tuple[dict[str, Artifact], Any]:
    inputs = {
        f"{key}_{Path(artifact.uri).parent.name}": [artifact]
        for model in models
        for key, artifact in model.items()
    }
    rejects = Rejects()
    rejects.uri = str(root / "rejects")
    (root / "rejects").mkdir()
    (root / "rejects" / "summary.json").write_text(json.dumps(CLIPS))
    inputs["rejects"] = [rejects]
    outputs: dict[str, Artifact] = {key: kind() for key, kind in TYPES.items()}
    outputs["comparison"] = ModelComparison()
    for key, output in outputs.items():
        output.uri = str(root / "chosen" / key)
    (root / "chosen" / "comparison").mkdir(parents=True)
    executor.Executor().Do(
        inputs,
        {key: [output] for key, output in outputs.items()},
        {"about": json.dumps({"licence": "CC <0>"})},
    )
    rows = json.loads((root / "chosen" / "comparison" / "comparison.json").read_text())
    return outputs, rows


def test_best_on_eval_goes_on_with_all_that_belongs_to_it(root: Path) -> None:
    worse = add(root, "worse", 0.7, 0.2, True)
    outputs, rows = select(root, worse, add(root, "better", 0.8, 0.9, True))
    for key in TYPES:
        assert Path(outputs[key].uri, "whose").read_text() == "better"
    assert outputs["blessing"].get_int_custom_property("blessed") == 1
    trained = outputs["model"].get_string_custom_property("trained_model")
    assert trained == str(root / "better" / "model")
    assert [(row["name"], row["chosen"]) for row in rows] == [("better", True), ("worse", False)]
    assert [row["cross_validation"] for row in rows] == [None, None]
    assert rows[1]["metrics"] == {
        "eval": {"accuracy": 0.7, "loss": 0.2},
        "test": {"accuracy": 0.5, "clips": 2.0},
        "test_intervals": {"accuracy": [0.4, 0.6]},
    }


def test_lower_loss_decides_between_equals(root: Path) -> None:
    outputs, _ = select(root, add(root, "a", 0.8, 0.5, True), add(root, "b", 0.8, 0.4, True))
    assert Path(outputs["model"].uri, "whose").read_text() == "b"


def test_a_model_that_is_not_blessed_is_passed_over(root: Path) -> None:
    outputs, rows = select(root, add(root, "a", 0.9, 0.1, False), add(root, "b", 0.6, 0.9, True))
    assert Path(outputs["model"].uri, "whose").read_text() == "b"
    assert [row["blessed"] for row in rows] == [False, True]


def test_where_none_is_blessed_the_best_goes_on_unblessed(root: Path) -> None:
    outputs, _ = select(root, add(root, "a", 0.3, 1, False), add(root, "b", 0.4, 1, False))
    assert Path(outputs["model"].uri, "whose").read_text() == "b"
    assert outputs["blessing"].get_int_custom_property("blessed") == 0


def test_cross_validations_are_kept_and_shown(root: Path) -> None:
    good = add(root, "good", 0.8, 0.5, True)
    good["cross_validation"] = CrossValidation()
    good["cross_validation"].uri = str(root / "good" / "cross_validation")
    (root / "good" / "cross_validation").mkdir()
    results = {
        "folds": [{"fold": "1"}, {"fold": "2"}],
        "mean": {"accuracy": 0.71},
        "deviation": {"accuracy": 0.03},
        "pooled": {"accuracy": 0.7, "clips": 1234},
        "intervals": {"accuracy": [0.65, 0.75]},
    }
    (root / "good" / "cross_validation" / RESULTS_FILE).write_text(json.dumps(results))
    outputs, rows = select(root, good, add(root, "worse", 0.7, 0.2, True))
    assert [row["cross_validation"] for row in rows] == [results, None]
    extra = Path(outputs["model"].uri, "Format-Serving", "assets.extra")
    assert json.loads((extra / "model_card.json").read_text())["cross_validation"] == results
    assert (
        "over 2 folds, each tested by a head that did not learn from it: Accuracy 70.0% (95% "
        "interval 65.0% to 75.0%) on 1,234 clips; the mean over folds is 71.0%, with a standard "
        "deviation of 3.0%"
    ) in (extra / "model_card.html").read_text()


def test_the_card_of_the_chosen_model_is_whole(root: Path) -> None:
    outputs, _ = select(root, add(root, "good", 0.8, 0.5, True))
    extra = Path(outputs["model"].uri, "Format-Serving", "assets.extra")
    card = json.loads((extra / "model_card.json").read_text())
    assert card["data"]["by_split"] == CLIPS["by_split"]
    assert card["metrics"]["test"] == {"accuracy": 0.5, "clips": 2.0}
    assert card["metrics"]["test_intervals"] == {"accuracy": [0.4, 0.6]}
    page = (extra / "model_card.html").read_text()
    assert "learned from 9,000 of 9,000 training clips, its principal components from 5,000" in page
    assert "Accuracy 50.0% (95% interval 40.0% to 60.0%) on 2 clips" in page
    assert "&lt;cat&gt;" in page
    assert "CC &lt;0&gt;" in page
    assert "seeded random weights" in page
    # The Trainer's own card stays as it was.
    trained = root / "good" / "model" / "Format-Serving" / "assets.extra" / "model_card.json"
    assert "data" not in json.loads(trained.read_text())
