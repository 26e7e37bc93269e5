"""Gathers the results of a run."""

import io
import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
import yaml
from tfx.components.util.model_utils import is_infra_validated, is_model_blessed
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils, path_utils

from components.annotated_test_set import read_annotated_test_set
from components.batch_predictor.executor import TEST_FILE
from components.counts import read_counts
from components.embedding_exporter.executor import EMBEDDED, REUSED
from components.evaluation_results import read_evaluation
from components.model_selector.executor import COMPARISON_FILE, TRAINED_MODEL_PROPERTY
from components.report.clip_scores import read_clip_scores
from components.report.drift import measure_drift
from components.report.event_agreement import measure_test_events
from components.report.mfcc_baseline import mfcc_baseline
from components.report.open_set import measure_open_set
from components.report.page import LineageStep, RejectRow, ReportData, render_page
from components.report.precision_recall import measure_precision_recall
from components.report.sounds import add_sounds
from components.serving_validator.executor import VALIDATION_FILE
from schema.model_card import read_model_card
from schema.training_statistics import read_training_statistics
from schema.tuning import TRIALS_FILE

DATA_FILE = "data.json"
PAGE_FILE = "report.html"
SUMMARY_FILE = "summary.json"
_REJECTS_KEPT = 1000
_MODEL_FACTS = (
    "name",
    "head",
    "network",
    "features",
    "task",
    "parameters",
    "trainable_parameters",
    "weights",
    "compute",
    "learned_from",
    "ensemble",
)
_LINEAGE = (
    "pushed_model",
    "infra_blessing",
    "blessing",
    "evaluation",
    "comparison",
    "model",
    "model_run",
    "embeddings_{features}",
    "table_{features}",
    "weights",
    "examples",
    "rejects",
)
"""Inputs from the pushed model back to the checkpoint and the clips."""


class Executor(BaseExecutor):
    """Writes the report."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the page, the summary and the data that both show.

        Args:
            input_dict: The artifacts of the run; see `ReportSpec`.
            output_dict: `report`.
            exec_properties: `config`, as JSON.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        inputs = {key: artifact_utils.get_single_instance(v) for key, v in input_dict.items()}
        folder = artifact_utils.get_single_uri(output_dict["report"])
        report = _gather(inputs, json.loads(exec_properties["config"]))
        texts = {
            DATA_FILE: json.dumps(asdict(report)),
            SUMMARY_FILE: json.dumps(report.summary, indent=2),
            PAGE_FILE: render_page(report),
        }
        for name, text in texts.items():
            io_utils.write_string_file(os.path.join(folder, name), text)


def _gather(inputs: dict[str, Artifact], config: dict[str, Any]) -> ReportData:
    model = path_utils.serving_model_path(inputs["model"].uri)
    card = read_model_card(model)
    training = _read_json(inputs["model_run"].uri, "history.json")
    clips = _read_json(inputs["rejects"].uri, "summary.json")
    classes = card["classes"]
    trained = inputs["model"].get_string_custom_property(TRAINED_MODEL_PROPERTY)
    evaluation = read_evaluation(
        inputs["evaluation"].uri, path_utils.serving_model_path(trained), classes
    )
    validation = _read_validation(inputs["infra_blessing"].uri)
    pushed = inputs["pushed_model"]
    predictions = _read_predictions(inputs["test_predictions"].uri)
    scores = read_clip_scores(predictions, card["classes"], card["thresholds"])
    test_files = _split_files(inputs["examples"], "test")
    mistakes, least_sure = scores.mistakes(), scores.least_sure()
    if config.get("report", {}).get("sounds", True):
        heard = add_sounds([*mistakes, *least_sure], test_files)
        mistakes, least_sure = heard[: len(mistakes)], heard[len(mistakes) :]
    lineage = [key.format(features=card["features"]) for key in _LINEAGE]
    summary = {
        "config": config,
        "clips": clips,
        "features": _count_features(inputs),
        "drift": measure_drift(
            inputs.get(f"embeddings_{card['features']}"), read_training_statistics(model)
        ),
        "model": {key: card[key] for key in _MODEL_FACTS},
        "metrics": {
            **training["metrics"],
            "test": evaluation.metrics,
            "test_intervals": evaluation.intervals,
        },
        "models": _read_json(inputs["comparison"].uri, COMPARISON_FILE),
        "calibration": card["calibration"],
        "cross_validation": card["cross_validation"],
        "tuning": _read_json(inputs["trials"].uri, TRIALS_FILE) if "trials" in inputs else None,
        "open_set": measure_open_set(scores, predictions),
        "test_events": measure_test_events(
            read_annotated_test_set(inputs["rejects"].uri), inputs["test_events"].uri, classes
        ),
        "target_precision": card["target_precision"],
        "baselines": {
            "majority": scores.majority_score(clips["by_label"]),
            "mfcc": mfcc_baseline(_split_files(inputs["examples"], "train"), test_files, scores),
            **({"previous": evaluation.previous[evaluation.score]} if evaluation.previous else {}),
        },
        "test_predictions": os.path.join(inputs["test_predictions"].uri, TEST_FILE),
        "serving": validation["measured"],
        "checks": [*evaluation.checks, *validation["checks"]],
        "blessed": is_model_blessed(inputs["blessing"])
        and is_infra_validated(inputs["infra_blessing"]),
        "pushed_path": (
            pushed.get_string_custom_property("pushed_destination")
            if pushed.get_int_custom_property("pushed")
            else None
        ),
        "versions": card["versions"],
    }
    return ReportData(
        summary=summary,
        history=training["history"],
        classes=classes,
        confusion=[] if evaluation.confusion is None else evaluation.confusion.tolist(),
        per_class=evaluation.per_class,
        thresholds=card["thresholds"] or {},
        slices=evaluation.slices,
        rejects=_read_rejects(inputs["rejects"].uri),
        lineage=[_lineage(key, inputs[key]) for key in lineage if key in inputs],
        config_yaml=yaml.safe_dump(config, sort_keys=False, allow_unicode=True),
        mistakes=mistakes,
        least_sure=least_sure,
        reliability=scores.reliability(),
        precision_recall=(
            {}
            if scores.thresholds is None
            else measure_precision_recall(
                classes, scores.matrix(scores.true), scores.scores, scores.thresholds
            )
        ),
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        rate_finder=training["rate_finder"],
    )


def _split_files(examples: Artifact, split: str) -> list[str]:
    return sorted(
        tf.io.gfile.glob(os.path.join(artifact_utils.get_split_uri([examples], split), "*"))
    )


def _read_predictions(folder: str) -> pa.Table:
    with tf.io.gfile.GFile(os.path.join(folder, TEST_FILE), "rb") as file:
        return pq.read_table(io.BytesIO(file.read()))


def _read_validation(folder: str) -> dict[str, Any]:
    """Reads ServingValidator's results; TFX's own validator leaves only a blessing."""
    if not fileio.exists(os.path.join(folder, VALIDATION_FILE)):
        return {"checks": [], "measured": {}}
    return _read_json(folder, VALIDATION_FILE)


def _count_features(inputs: dict[str, Artifact]) -> dict[str, int | None]:
    """Counts the windows of all clips, and what the network embedded and the cache had.

    The number of windows is the same for every layer tap. Clips count once per tap.
    """
    exported = [artifact for key, artifact in inputs.items() if key.startswith("embeddings_")]
    clips = {
        what: sum(artifact.get_int_custom_property(what) for artifact in exported)
        for what in (EMBEDDED, REUSED)
    }
    counted = read_counts(exported[0].uri) if exported else ()
    windows = sum(number for key, number in counted if key[0] == "windows")
    return {"windows": windows if exported else None, **clips}


def _lineage(key: str, artifact: Artifact) -> LineageStep:
    properties = {
        name: value.string_value or value.int_value
        for name, value in artifact.mlmd_artifact.custom_properties.items()
        if name in ("sha256", "weights", "blessed", "pushed", "pushed_destination")
    }
    return LineageStep(
        node=artifact.uri.split("/")[-3],  # TFX lays artifacts out as ROOT/node/output/execution.
        artifact=f"{key} (id {artifact.id})",
        type=artifact.type_name,
        uri=artifact.uri,
        properties=properties,
    )


def _read_rejects(folder: str) -> list[RejectRow]:
    with fileio.open(os.path.join(folder, "rejects.jsonl")) as lines:
        return [json.loads(line) for line, _ in zip(lines, range(_REJECTS_KEPT), strict=False)]


def _read_json(*path: str) -> dict[str, Any]:
    with fileio.open(os.path.join(*path)) as file:
        return json.loads(file.read())
