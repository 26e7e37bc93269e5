"""The models of several runs side by side: as tables, and as rows for programs."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.runners.past_runs import ModelScore, PastRun, differences


def results_table(runs: Sequence[PastRun]) -> RenderableType:
    """Lists all models, the best on the eval split first, and in what their runs differ."""
    several = len(runs) > 1
    scores = _best_first(runs)
    table = Table(box=None, pad_edge=False, caption=_caption(scores), caption_justify="left")
    if several:
        table.add_column("run", justify="right")
    table.add_column("model", overflow="fold")
    table.add_column("features", overflow="fold")
    table.add_column("trained", justify="right")
    table.add_column("eval", justify="right", no_wrap=True)
    table.add_column("test", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for score in scores:
        number = [str(_index(runs, score.run) + 1)] if several else []
        table.add_row(
            *number,
            _title(score),
            score.model["features"],
            _short_count(score.model["trainable_parameters"]),
            f"{score.eval:.3f}",
            _test_score(score),
            score.fate,
        )
    return Group(table, "", _runs_table(runs)) if several else table


def results_rows(runs: Sequence[PastRun]) -> list[dict[str, Any]]:
    """Makes one row per model, the best on the eval split first."""
    settings = differences(runs)
    return [
        {
            "run": str(score.run.folder),
            "when": score.run.when.isoformat(timespec="seconds"),
            "model": score.model["name"],
            "head": score.model["head"],
            "members": _members(score, ", "),
            "features": score.model["features"],
            "weights": score.model["weights"],
            "trainable_parameters": score.model["trainable_parameters"],
            "clips": score.run.summary["clips"]["accepted"],
            "metric": score.metric,
            "eval": score.eval,
            "test": score.test,
            "test_low": score.interval and score.interval[0],
            "test_high": score.interval and score.interval[1],
            "blessed": score.model["blessed"],
            "pushed": score.fate == "pushed",
            **settings[_index(runs, score.run)],
        }
        for score in _best_first(runs)
    ]


def results_csv(runs: Sequence[PastRun]) -> str:
    """Writes `results_rows` as CSV."""
    rows = results_rows(runs)
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _best_first(runs: Sequence[PastRun]) -> list[ModelScore]:
    scores = (score for run in runs for score in run.scores)
    return sorted(scores, key=lambda score: (-score.eval, -score.test))


def _index(runs: Sequence[PastRun], wanted: PastRun) -> int:
    return next(i for i, run in enumerate(runs) if run is wanted)


def _caption(scores: Sequence[ModelScore]) -> str:
    metrics = " or ".join(dict.fromkeys(score.metric for score in scores))
    caption = f"Scores are {metrics}; on the test split, with its 95% interval."
    if any(score.model["weights"] == "random" for score in scores):
        caption += "\nVGGish has seeded random weights, NOT the released ones."
    return caption


def _runs_table(runs: Sequence[PastRun]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("run", justify="right")
    table.add_column("folder and start", overflow="fold")
    table.add_column("clips", justify="right")
    table.add_column("weights")
    table.add_column("what differs", overflow="fold")
    for number, (run, settings) in enumerate(zip(runs, differences(runs), strict=True), start=1):
        weights = run.summary["model"]["weights"]
        table.add_row(
            str(number),
            Text(run.title),
            f"{run.summary['clips']['accepted']:,}",
            weights if weights == "random" else (weights or "-")[:8],
            Text("\n".join(f"{name}: {value}" for name, value in settings.items())),
        )
    return table


def _title(score: ModelScore) -> str:
    members = _members(score, " + ")
    return f"{score.model['name']} = {members}" if members else score.model["name"]


def _members(score: ModelScore, separator: str) -> str:
    """Joins the names of an ensemble's members; empty of other models and of older runs."""
    ensemble = score.model.get("ensemble") or {"members": []}
    return separator.join(member["name"] for member in ensemble["members"])


def _test_score(score: ModelScore) -> str:
    low_high = score.interval
    text = f"{score.test:.3f}"
    return text if low_high is None else f"{text} ({low_high[0]:.2f}-{low_high[1]:.2f})"


def _short_count(count: int) -> str:
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if count >= size:
            return f"{count / size:.1f} {letter}"
    return str(count)
