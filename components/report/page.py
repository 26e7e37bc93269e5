"""The report's page: one HTML file that needs no other file, no network and no script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, TypedDict

import yaml
from markupsafe import Markup

from components.evaluation_results import (
    LEAST_CLIPS,
    SCORE_BY_TASK,
    ClassScore,
    SliceScore,
    metric_titles,
)
from components.html.rendering import render
from components.report import figures
from components.report.precision_recall import PrecisionRecall
from schema.reliability import CALIBRATION_CLIPS
from vggish.networks.network_table import find_network

MOST_SECONDS = 10
"""Length to which a sound on the page is cut."""

MOST_BYTES = 2_000_000
"""Limit of all sounds and pictures of the page together."""

REJECTS_SHOWN = 50
CONFUSIONS_SHOWN = 10
SLICES_SHOWN = 10
TRIALS_SHOWN = 10

_CLASS_COLUMNS = {
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "average_precision": "Average precision",
    "auc": "AUC",
    "lwlrap": "lwlrap",
    "label_accuracy": "Right decisions",
}


class RejectRow(TypedDict):
    """A refused file, as in AudioExampleGen's `rejects`."""

    clip_id: str
    reason: str
    detail: str


class RateFinder(TypedDict):
    """The learning-rate finder's measurements, as in the Trainer's `history.json`."""

    rates: Sequence[float]
    losses: Sequence[float]
    chosen: float


class ReliabilityBins(TypedDict):
    """Scores of the test split in intervals, as `schema.reliability` sorts them."""

    confidence: Sequence[float]
    right: Sequence[float]
    counts: Sequence[int]


class LineageStep(TypedDict):
    """One artifact that the pushed model comes from, and the node that made it."""

    node: str
    artifact: str
    type: str
    uri: str
    properties: Mapping[str, object]


class ShownClip(TypedDict):
    """A test clip on the page.

    `true` and `predicted` are classes, `scores` the highest ones and those of the true classes;
    `sound` (MP3) and `picture` (its log-mel, WebP) are data URIs, or None.
    """

    clip_id: str
    true: list[str]
    predicted: list[str]
    scores: list[tuple[str, float]]
    sound: str | None
    picture: str | None


class Confusion(TypedDict):
    """Clips of one class that were taken for another; `share` is of all clips of `true`."""

    true: str
    predicted: str
    count: int
    share: float


@dataclass(frozen=True)
class ReportData:
    """The page's content. Texts are escaped, so they may hold anything.

    Attributes:
        summary: The content of `summary.json`; `clips.by_split` counts by split, and
            `clips.by_label` by class and then split. `metrics.test_intervals` may be missing, and
            also `seconds`, since the page can be made before the run ends.
        history: Values per epoch of `loss`, `accuracy`, `val_loss` and `val_accuracy`; empty for
            a head that is not trained by epochs.
        classes: Class names in the order of the model's scores.
        confusion: Counts of clips on the test split, [classes, classes]; rows are true classes,
            columns predicted ones. May be empty.
        per_class: Scores on the test split by class name.
        thresholds: The least score at which a clip gets a label, by class name; empty if clips
            have one label.
        slices: Parts of the test split by kind, as in `Evaluation`.
        rejects: The refused files, or the first of them; `summary` has their number.
        lineage: From the pushed model back to the checkpoint and the clips.
        config_yaml: The settings of the run that differ from the defaults.
        mistakes: Test clips with wrong decisions, the worst first.
        least_sure: Test clips with right decisions that were close to others, the closest first.
        reliability: Whether the scores of the test clips mean probabilities.
        precision_recall: Curves by class name, of the classes with the most test clips; empty if
            clips have one label.
        created: When the report was made, in words.
        rate_finder: The learning `rates` tried before the training, the smoothed `losses` at them,
            and the `chosen` rate; None if the configuration gave the rate.
    """

    summary: Mapping[str, Any]
    history: Mapping[str, Sequence[float]]
    classes: Sequence[str]
    confusion: Sequence[Sequence[int]]
    per_class: Mapping[str, ClassScore]
    thresholds: Mapping[str, float]
    slices: Mapping[str, Sequence[SliceScore]]
    rejects: Sequence[RejectRow]
    lineage: Sequence[LineageStep]
    config_yaml: str
    mistakes: Sequence[ShownClip]
    least_sure: Sequence[ShownClip]
    reliability: ReliabilityBins
    precision_recall: Mapping[str, PrecisionRecall]
    created: str
    rate_finder: RateFinder | None = None


def render_page(report: ReportData) -> str:
    """Makes the page.

    Args:
        report: The page's content.

    Returns:
        A whole HTML document that can be encoded as UTF-8.
    """
    by_label = report.summary["clips"]["by_label"]
    metrics = report.summary["metrics"]
    network = report.summary["model"]["network"]
    score_name = SCORE_BY_TASK[report.summary["model"]["task"]]
    splits = {split: metrics[split] for split in figures.SPLITS if split in metrics}
    return render(
        Path(__file__).with_name("page.html"),
        report=report,
        summary=report.summary,
        failed=[check for check in report.summary["checks"] if not check["passed"]],
        rejects=report.rejects[:REJECTS_SHOWN],
        splits=splits,
        least_clips=LEAST_CLIPS,
        calibration_clips=CALIBRATION_CLIPS,
        metric_rows=metric_titles(
            (name for values in splits.values() for name in values), len(report.classes)
        ),
        intervals=metrics.get("test_intervals", {}),
        baselines=report.summary["baselines"],
        sounds=any(clip["sound"] for clip in (*report.mistakes, *report.least_sure)),
        most_seconds=MOST_SECONDS,
        most_bytes=MOST_BYTES,
        models=sorted(
            report.summary["models"], key=lambda model: -model["metrics"]["eval"][score_name]
        ),
        score_name=score_name,
        validated=any(model["cross_validation"] for model in report.summary["models"]),
        fold_metrics=_fold_metrics(report),
        trials=_trials_best_first(report),
        trials_figure=_trials_figure(report),
        network=network and find_network(network).title,
        columns=_class_columns(report.per_class),
        weakest_first=sorted(report.per_class.items(), key=lambda item: item[1].get("f1", 2)),
        parts={kind: weakest_parts(kind, parts) for kind, parts in report.slices.items()},
        distribution=figures.class_distribution(by_label) if by_label else None,
        curves=_curves(report),
        reliability=figures.reliability(**report.reliability),
        precision_recall=(
            figures.precision_recall(report.precision_recall) if report.precision_recall else None
        ),
        matrix=_matrix(report),
        confusions=most_confused(report.classes, report.confusion, CONFUSIONS_SHOWN),
    )


def most_confused(
    classes: Sequence[str], confusion: Sequence[Sequence[int]], limit: int
) -> list[Confusion]:
    """Finds the pairs of classes that are confused most often.

    Args:
        classes: Class names in the order of the rows and columns.
        confusion: Counts; rows are true classes, columns predicted ones.
        limit: Maximum number of pairs.

    Returns:
        Pairs with at least one confused clip, the most frequent first.
    """
    pairs = [
        Confusion(
            true=classes[row], predicted=classes[column], count=count, share=count / sum(counts)
        )
        for row, counts in enumerate(confusion)
        for column, count in enumerate(counts)
        if row != column and count
    ]
    return sorted(pairs, key=lambda pair: (-pair["count"], -pair["share"]))[:limit]


def weakest_parts(kind: str, parts: Sequence[SliceScore]) -> list[SliceScore]:
    """Chooses the parts of the test split that the page shows.

    Args:
        kind: The kind of part: `label`, `duration` or `group`.
        parts: All of them.

    Returns:
        The parts with enough clips: all durations in their order, but only the weakest labels and
        groups.
    """
    enough = [part for part in parts if part["clips"] >= LEAST_CLIPS]
    if kind == "duration":
        return enough
    return sorted(enough, key=lambda part: (part["score"], -part["clips"]))[:SLICES_SHOWN]


def _trials_best_first(report: ReportData) -> list[dict[str, Any]]:
    """The trials that a table shows: those that were tested on the most folds, the best first."""
    found = report.summary["tuning"]
    shown = [
        {**trial, "mean": fmean(trial["scores"]), "yaml": _settings_text(trial["settings"])}
        for trial in (found["trials"] if found else [])
        if trial["scores"]
    ]
    return sorted(shown, key=lambda trial: (-len(trial["scores"]), -trial["mean"]))[:TRIALS_SHOWN]


def _settings_text(settings: Mapping[str, Any]) -> str:
    changed = {section: values for section, values in settings.items() if values}
    if not changed:
        return "as configured"
    return yaml.safe_dump(changed, default_flow_style=True, sort_keys=False, width=1000).strip()


def _trials_figure(report: ReportData) -> Markup | None:
    found = report.summary["tuning"]
    if not found:
        return None
    tested = [trial for trial in found["trials"] if trial["scores"]]
    return figures.trials(
        [trial["number"] for trial in tested],
        [fmean(trial["scores"]) for trial in tested],
        [len(trial["scores"]) for trial in tested],
    )


def _fold_metrics(report: ReportData) -> dict[str, str]:
    """The titles of the metrics of a cross-validation; none without one."""
    folds = report.summary["cross_validation"]
    names = [name for name in folds["pooled"] if name != "clips"] if folds else []
    return metric_titles(names, len(report.classes))


def _class_columns(per_class: Mapping[str, ClassScore]) -> dict[str, str]:
    """The headings of the scores that at least one class has."""
    there = {name for score in per_class.values() for name in score}
    return {name: heading for name, heading in _CLASS_COLUMNS.items() if name in there}


def _curves(report: ReportData) -> list[Markup]:
    curves = [
        figures.training_curve(report.history, metric)
        for metric in ("loss", "accuracy")
        if report.history.get(metric)
    ]
    found = report.rate_finder
    if found is not None:
        curves.append(figures.rate_curve(found["rates"], found["losses"], found["chosen"]))
    return curves


def _matrix(report: ReportData) -> Markup | None:
    if len(report.confusion) == 0:
        return None
    return figures.confusion_matrix(report.classes, report.confusion)
