"""Which of several models goes on, and what is kept of all."""

import json
from pathlib import Path
from typing import Any

import pytest
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact

from components.artifacts import ModelComparison
from components.evaluation_results import Evaluation
from components.model_selector import executor
from vggish.model_card import write_model_card

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
        assert classes == ["dog", "cat"]
        return Evaluation(
            score="accuracy",
            metrics={"accuracy": 0.5},
            intervals={"accuracy": (0.4, 0.6)},
            per_class={},
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
        "classes": ["dog", "cat"],
        "head": "dense",
        "features": "fusion",
        "task": "single_label",
        "parameters": 9,
        "trainable_parameters": 3,
        "weights": "random",
        "metrics": {"eval": {"accuracy": accuracy, "loss": loss}},
    }
    write_model_card(str(root / name / "model" / "Format-Serving"), card)
    return artifacts


def select(root: Path, *models: dict[str, Artifact]) -> tuple[dict[str, Artifact], Any]:
    inputs = {
        f"{key}_{Path(artifact.uri).parent.name}": [artifact]
        for model in models
        for key, artifact in model.items()
    }
    outputs: dict[str, Artifact] = {key: kind() for key, kind in TYPES.items()}
    outputs["comparison"] = ModelComparison()
    for key, output in outputs.items():
        output.uri = str(root / "chosen" / key)
    (root / "chosen" / "comparison").mkdir(parents=True)
    executor.Executor().Do(inputs, {key: [output] for key, output in outputs.items()}, {})
    rows = json.loads((root / "chosen" / "comparison" / "comparison.json").read_text())
    return outputs, rows


def test_best_on_eval_goes_on_with_all_that_belongs_to_it(root: Path) -> None:
    worse = add(root, "worse", 0.7, 0.2, True)
    outputs, rows = select(root, worse, add(root, "better", 0.8, 0.9, True))
    for key in TYPES:
        assert Path(outputs[key].uri, "whose").read_text() == "better"
    assert outputs["blessing"].get_int_custom_property("blessed") == 1
    assert outputs["model"].get_int_custom_property("blessed") == 1
    trained = outputs["model"].get_string_custom_property("trained_model")
    assert trained == str(root / "better" / "model")
    assert [(row["name"], row["chosen"]) for row in rows] == [("better", True), ("worse", False)]
    assert rows[1]["metrics"] == {
        "eval": {"accuracy": 0.7, "loss": 0.2},
        "test": {"accuracy": 0.5},
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
    assert outputs["model"].get_int_custom_property("blessed") == 0
