"""Compares models by their score on the eval split."""

import json
import os
from dataclasses import dataclass
from typing import Any

from tfx.components.util.model_utils import is_model_blessed
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils, path_utils

from components.evaluation_results import SCORE_BY_TASK, Evaluation, read_evaluation
from components.model_selector.model_card import CARD_PAGE_FILE, complete_card, render_card
from schema.folds import RESULTS_FILE
from schema.model_card import EXTRA_FOLDER, read_model_card, write_model_card

COMPARISON_FILE = "comparison.json"

CROSS_VALIDATION = "cross_validation_"
"""Prefix of the inputs of cross-validations, before the names of models."""

TRAINED_MODEL_PROPERTY = "trained_model"
"""Property of the chosen model: the URI of the Trainer's model from which it is copied."""

_FACTS = ("head", "features", "task", "parameters", "trainable_parameters", "weights", "ensemble")


@dataclass(frozen=True)
class _Candidate:
    """One model and its artifacts, by the keys of the node's outputs."""

    artifacts: dict[str, Artifact]
    card: dict[str, Any]
    evaluation: Evaluation
    cross_validation: dict[str, Any] | None

    @property
    def blessed(self) -> bool:
        return is_model_blessed(self.artifacts["blessing"])

    @property
    def rank(self) -> tuple[bool, float, float]:
        """Rank, higher is better: by blessing, then score on the eval split, then its loss."""
        metrics = self.card["metrics"]["eval"]
        score = metrics[SCORE_BY_TASK[self.card["task"]]]
        return self.blessed, score, -metrics["loss"]


class Executor(BaseExecutor):
    """Chooses the best model."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Copies the chosen model and its artifacts, and writes the comparison.

        Args:
            input_dict: `rejects`, and for each model `NAME`: `model_NAME`, `model_run_NAME`,
                `evaluation_NAME`, `blessing_NAME` and, of a head that was cross-validated,
                `cross_validation_NAME`.
            output_dict: The same for the chosen model, without its name, and `comparison`.
            exec_properties: `about`, JSON texts for the model card.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        outputs = {key: artifact_utils.get_single_instance(v) for key, v in output_dict.items()}
        comparison = outputs.pop("comparison")
        candidates = _read_candidates(input_dict, list(outputs))
        chosen = max(candidates, key=lambda name: candidates[name].rank)
        for key, output in outputs.items():
            source = candidates[chosen].artifacts[key]
            io_utils.copy_dir(source.uri, output.uri)
            for name, value in source.mlmd_artifact.custom_properties.items():
                output.mlmd_artifact.custom_properties[name].CopyFrom(value)
        model = outputs["model"]
        model.set_string_custom_property(
            TRAINED_MODEL_PROPERTY, candidates[chosen].artifacts["model"].uri
        )
        clips = artifact_utils.get_single_uri(input_dict["rejects"])
        _complete(model.uri, candidates[chosen], clips, json.loads(exec_properties["about"]))
        rows = [_row(name, candidates[name], name == chosen) for name in candidates]
        path = os.path.join(comparison.uri, COMPARISON_FILE)
        io_utils.write_string_file(path, json.dumps(rows, indent=2))


def _complete(model: str, chosen: _Candidate, clips: str, about: dict[str, str]) -> None:
    """Writes the whole card to the chosen model's folder, for programs and for people."""
    folder = path_utils.serving_model_path(model)
    with fileio.open(os.path.join(clips, "summary.json")) as file:
        card = complete_card(chosen.card, chosen.evaluation, json.loads(file.read()), about)
    card["cross_validation"] = chosen.cross_validation
    write_model_card(folder, card)
    page = os.path.join(folder, EXTRA_FOLDER, CARD_PAGE_FILE)
    io_utils.write_string_file(page, render_card(card))


def _read_candidates(inputs: dict[str, list[Artifact]], keys: list[str]) -> dict[str, _Candidate]:
    """Reads the candidates, by the models' names."""
    names = [key.removeprefix("blessing_") for key in inputs if key.startswith("blessing_")]
    candidates = {}
    for name in sorted(names):
        artifacts = {
            key: artifact_utils.get_single_instance(inputs[f"{key}_{name}"]) for key in keys
        }
        model = path_utils.serving_model_path(artifacts["model"].uri)
        card = read_model_card(model)
        evaluation = read_evaluation(artifacts["evaluation"].uri, model, card["classes"])
        folds = _read_cross_validation(inputs.get(f"{CROSS_VALIDATION}{name}"))
        candidates[name] = _Candidate(artifacts, card, evaluation, folds)
    return candidates


def _read_cross_validation(artifacts: list[Artifact] | None) -> dict[str, Any] | None:
    if not artifacts:
        return None
    folder = artifact_utils.get_single_uri(artifacts)
    with fileio.open(os.path.join(folder, RESULTS_FILE)) as file:
        return json.loads(file.read())


def _row(name: str, candidate: _Candidate, chosen: bool) -> dict[str, Any]:
    return {
        "name": name,
        **{fact: candidate.card[fact] for fact in _FACTS},
        "metrics": {
            **candidate.card["metrics"],
            "test": candidate.evaluation.metrics,
            "test_intervals": candidate.evaluation.intervals,
        },
        "cross_validation": candidate.cross_validation,
        "blessed": candidate.blessed,
        "chosen": chosen,
    }
