"""The models of several runs as one table."""

from collections.abc import Iterable
from typing import Any

from rich.table import Table

from components.evaluation_results import SCORE_BY_TASK
from pipeline.runners.run_comparisons import RunComparison


def results_table(comparisons: Iterable[RunComparison]) -> Table:
    """Lists the models by run, the best on the eval split first."""
    comparisons = list(comparisons)
    random = any(m["weights"] == "random" for c in comparisons for m in c.models)
    caption = "VGGish has seeded random weights, NOT the released ones." if random else None
    table = Table(box=None, pad_edge=False, caption=caption, caption_justify="left")
    table.add_column("model", overflow="fold")
    table.add_column("features", overflow="fold")
    for heading in ("trained", "eval", "test"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for comparison in comparisons:
        if len(comparisons) > 1:
            # A line of its own, since a narrow terminal has no room for another column.
            table.add_row(f"{comparison.folder.name} {comparison.when:%m-%d %H:%M}", style="bold")
        for model in sorted(comparison.models, key=lambda model: -_score(model, "eval")):
            fate = "pushed" if model["chosen"] and model["blessed"] else ""
            table.add_row(
                model["name"],
                model["features"],
                _short_count(model["trainable_parameters"]),
                f"{_score(model, 'eval'):.3f}",
                _test_score(model),
                fate if model["blessed"] else "not blessed",
            )
    return table


def _score(model: dict[str, Any], split: str) -> float:
    return model["metrics"][split][SCORE_BY_TASK[model["task"]]]


def _test_score(model: dict[str, Any]) -> str:
    interval = model["metrics"].get("test_intervals", {}).get(SCORE_BY_TASK[model["task"]])
    score = f"{_score(model, 'test'):.3f}"
    return score if interval is None else f"{score} ({interval[0]:.2f}-{interval[1]:.2f})"


def _short_count(count: int) -> str:
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if count >= size:
            return f"{count / size:.1f} {letter}"
    return str(count)
