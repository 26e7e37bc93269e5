"""The Evaluator's results, read for the report and for the comparison of models."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

if TYPE_CHECKING:  # Loading it takes seconds, and the types alone do not need it.
    import tensorflow_model_analysis as tfma
    from tensorflow_model_analysis.proto import config_pb2

SCORE_BY_TASK = {"single_label": "accuracy", "multi_label": "lwlrap", "open_set": "lwlrap"}
"""The metric that models are judged by, by the task."""

LEAST_CLIPS = 5
"""Minimum number of clips of a part of the test split that is shown."""

_METRICS = (
    "accuracy",
    "top_5_accuracy",
    "lwlrap",
    "mean_average_precision",
    "auc",
    "macro_f1",
    "hamming_loss",
    "label_accuracy",
    "exact_match",
    "loss",
    "calibration_error",
)
_TITLES = {
    "accuracy": "Accuracy",
    "top_5_accuracy": "True class among the five highest",
    "lwlrap": "lwlrap",
    "mean_average_precision": "Average precision, mean over classes",
    "auc": "AUC, mean over classes",
    "macro_f1": "F1, mean over classes",
    "hamming_loss": "Wrong decisions",
    "label_accuracy": "Right decisions",
    "exact_match": "All decisions right",
    "loss": "Cross-entropy",
    "calibration_error": "Calibration error",
    "clips": "Clips",
}
"""What people read instead of a metric's name."""

_TOP = 5
"""Number of classes among which `top_5_accuracy` looks for the true one."""

_CLIPS = "example_count"
_CONFUSION = "multi_class_confusion_matrix_at_thresholds"


def metric_titles(names: Iterable[str], classes: int) -> dict[str, str]:
    """Chooses the metrics that say something to people.

    Args:
        names: Names of metrics; they may repeat.
        classes: The number of classes.

    Returns:
        What people read instead, by name, the main ones first.
    """
    hidden = {"label_accuracy"}  # It is one less the wrong decisions.
    if classes <= _TOP:
        hidden.add("top_5_accuracy")
    shown = set(names) - hidden
    return {name: title for name, title in _TITLES.items() if name in shown}


class Check(TypedDict):
    """One condition of the blessing; `bound` completes "must be ...", as in "at least 0.9"."""

    metric: str
    value: float | str | None
    bound: str
    passed: bool


class ClassScore(TypedDict, total=False):
    """How well one class is recognised on the test split; `support` is its number of clips.

    A class without clips has no other entry. `lwlrap` and `label_accuracy` exist if clips have
    several labels, `auc` exists unless all clips are of the class.
    """

    precision: float
    recall: float
    f1: float
    average_precision: float
    auc: float
    lwlrap: float
    label_accuracy: float
    support: int


class SliceScore(TypedDict):
    """The score on a part of the test split; `interval` is None if it has too few clips."""

    value: str
    clips: int
    score: float
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Evaluation:
    """What the Evaluator found on the test split.

    Attributes:
        score: The metric that decides the blessing, one of those in `SCORE_BY_TASK`.
        metrics: Values by metric name; `clips` is the number of clips.
        intervals: Bounds of the 95% intervals by metric name.
        per_class: Scores by class name, in the model's order of classes.
        confusion: Counts of clips, int [classes, classes]: rows true, columns predicted; None if
            clips have several labels.
        slices: Parts of the split by kind (`label`, `duration`, `group`), from the shortest
            duration to the longest, and in alphabetical order.
        checks: The conditions of the blessing, with their results.
        previous: The metrics of the model that was pushed before, on the same clips; None if there
            is none.
    """

    score: str
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    per_class: dict[str, ClassScore]
    confusion: np.ndarray | None
    slices: dict[str, list[SliceScore]]
    checks: list[Check]
    previous: dict[str, float] | None = None


def read_evaluation(folder: str, model_location: str, classes: Sequence[str]) -> Evaluation:
    """Reads an evaluation.

    Args:
        folder: Folder of the Evaluator's output.
        model_location: The candidate's SavedModel; the folder also has the baseline's results.
        classes: The class names, in the order of the model's scores.

    Returns:
        The candidate's results.
    """
    import tensorflow_model_analysis as tfma

    results = list(tfma.load_eval_results(folder).get_results())
    results.sort(key=lambda result: result.model_location != model_location)
    candidate, *baselines = (_by_slice(result) for result in results)
    overall = candidate[()]
    score = next(name for name in SCORE_BY_TASK.values() if name in overall[""])
    return Evaluation(
        score=score,
        metrics=_read_metrics(overall[""]),
        intervals=_read_intervals(overall[""]),
        per_class={name: _read_class(overall, c) for c, name in enumerate(classes)},
        confusion=_read_confusion(overall[""], len(classes)),
        slices=_read_slices(candidate, score),
        checks=_read_checks(folder, score, overall, [baseline[()] for baseline in baselines]),
        previous=_read_metrics(baselines[0][()][""]) if baselines else None,
    )


_Values = Mapping[str, Mapping[str, Any]]
"""TFMA's values: over all classes by "", of one class by `classId:NUMBER`."""


def _by_slice(result: "tfma.EvalResult") -> dict[tuple[tuple[str, str], ...], _Values]:
    # TFMA gives the output of a single-output model no name.
    return {tuple(key): values[""] for key, values in result.slicing_metrics}


def _read_metrics(values: Mapping[str, Any]) -> dict[str, float]:
    metrics = {name: values[name]["doubleValue"] for name in _METRICS if name in values}
    return metrics | {"clips": values[_CLIPS]["doubleValue"]}


def _read_intervals(values: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    return {
        name: (values[f"{name}_low"]["doubleValue"], values[f"{name}_high"]["doubleValue"])
        for name in _METRICS
        if f"{name}_low" in values
    }


def _read_class(overall: _Values, number: int) -> ClassScore:
    values = overall.get(f"classId:{number}", {})
    score: Any = {
        name: values[name]["doubleValue"] for name in ClassScore.__annotations__ if name in values
    }
    score["support"] = round(score.get("support", 0))
    return score


def _read_confusion(values: Mapping[str, Any], classes: int) -> np.ndarray | None:
    if _CONFUSION not in values:
        return None
    confusion = np.zeros([classes, classes], int)
    (matrix,) = values[_CONFUSION]["multiClassConfusionMatrixAtThresholds"]["matrices"]
    for entry in matrix["entries"]:
        # The JSON form of a protocol buffer leaves zeros out.
        true, predicted = entry.get("actualClassId", 0), entry.get("predictedClassId", 0)
        if true >= 0:  # A negative id is a class that training did not see.
            confusion[true, predicted] = round(entry["numWeightedExamples"])
    return confusion


def _read_slices(
    candidate: Mapping[tuple[tuple[str, str], ...], _Values], score: str
) -> dict[str, list[SliceScore]]:
    from schema import clip_examples
    from schema.durations import DURATION_BUCKETS, UNKNOWN_DURATION

    kinds = {
        clip_examples.LABELS: "label",
        clip_examples.DURATION: "duration",
        clip_examples.GROUP: "group",
    }
    slices: dict[str, list[SliceScore]] = {}
    for key, of_slice in sorted(candidate.items()):
        values = of_slice[""]
        # lwlrap is undefined for a part whose clips have no known label.
        if len(key) == 1 and not math.isnan(float(values[score]["doubleValue"])):
            ((feature, value),) = key
            slices.setdefault(kinds[feature], []).append(
                SliceScore(
                    value=value,
                    clips=round(values[_CLIPS]["doubleValue"]),
                    score=values[score]["doubleValue"],
                    interval=_read_intervals(values).get(score),
                )
            )
    # The baseline may name ranges of its own: it names its clips, and another version pushed it.
    order = {name: place for place, name in enumerate((*DURATION_BUCKETS, UNKNOWN_DURATION))}
    slices.get("duration", []).sort(key=lambda part: order.get(part["value"], len(order)))
    return slices


def _read_checks(
    folder: str, score: str, candidate: _Values, baselines: Sequence[_Values]
) -> list[Check]:
    """Lists the conditions of the thresholds, and whether TFMA found them met."""
    import tensorflow_model_analysis as tfma

    failed = {
        failure.metric_threshold.WhichOneof(kind)
        for validations in tfma.load_validation_result(folder).metric_validations_per_slice
        for failure in validations.failures
        for kind in ("validate_absolute", "validate_relative")
    }
    threshold = _threshold(tfma.load_eval_result(folder).config)
    value = candidate[""][score]["doubleValue"]
    checks = [
        Check(
            metric=score,
            value=value,
            bound=f"at least {threshold.value_threshold.lower_bound.value:g}",
            passed="value_threshold" not in failed,
        )
    ]
    for baseline in baselines:
        before = baseline[""][score]["doubleValue"]
        drop = -threshold.change_threshold.absolute.value
        checks.append(
            Check(
                metric=f"{score} against the last blessed model",
                value=value,
                bound=f"at least {before:.4f} - {drop:g}",
                passed="change_threshold" not in failed,
            )
        )
    return checks


def _threshold(config: "config_pb2.EvalConfig") -> "config_pb2.MetricThreshold":
    """Returns the threshold of the one metric that decides the blessing."""
    return next(
        bound.threshold
        for spec in config.metrics_specs
        for metric in spec.metrics
        for bound in metric.per_slice_thresholds
    )
