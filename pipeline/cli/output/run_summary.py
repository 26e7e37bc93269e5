"""The text that a run prints at its end."""

import shlex
from statistics import fmean
from typing import Any

from components.evaluation_results import SCORE_BY_TASK
from components.html.rendering import format_interval, format_number, format_windows
from pipeline.runners.run_folder import RunFolder
from vggish.networks.network_table import find_network


def why_not_pushed(summary: dict[str, Any]) -> str:
    """Says which conditions a run's model failed."""
    failed = [check for check in summary["checks"] if not check["passed"]]
    return "; ".join(
        f"{check['metric']} is {format_number(check['value'])} and must be {check['bound']}"
        for check in failed
    )


def _test_events(agreement: dict[str, Any] | None) -> dict[str, str]:
    """Formats how well the events in the test recordings agree with the true ones, if any are."""
    if agreement is None:
        return {}
    found, intervals = agreement["all"], agreement["intervals"]
    scores = [
        f"{title} {found[name]:.3f} {format_interval(intervals[name])}".strip()
        for name, title in (("f1", "F1"), ("segment_f1", "by segment"))
        if found[name] is not None
    ]
    alarms = f"{found['false_alarms_an_hour']:.3g} false alarms/h"
    return {"Test events": ", ".join([*scores, alarms])}


def _use(summary: dict[str, Any]) -> str:
    """Returns the command for a pushed model that takes what the run learned from."""
    if summary["model"]["network"] is None:
        return "predict {} TABLE…"
    return "detect {} RECORDING…" if summary["clips"].get("windows") else "predict {} SOUND…"


def _origin(model: dict[str, Any]) -> tuple[str, str]:
    """Says what made the features: the network, and its weights."""
    if model["network"] is None:
        return "Embeddings", "from tables; the model takes embeddings, no sound"
    network = find_network(model["network"]).title
    if model["weights"] == "random":
        return network, f"seeded random weights, NOT the released {network}"
    return network, f"checkpoint {model['weights'][:12]}"


def _cross_validation(found: dict[str, Any] | None, score: str) -> dict[str, str]:
    """Says what a cross-validation measured, if there was one."""
    if found is None:
        return {}
    interval = format_interval(found["intervals"].get(score))
    return {
        f"Over {len(found['folds'])} folds": f"{found['pooled'][score]:.4f} {interval}".strip()
        + f" on {found['pooled']['clips']} clips; by fold {found['mean'][score]:.4f} "
        f"± {found['deviation'][score]:.4f}"
    }


def _tuning(found: dict[str, Any] | None) -> dict[str, str]:
    """Says what a search for settings found, if there was one."""
    if found is None:
        return {}
    configured, best = (fmean(found["trials"][n]["scores"]) for n in (0, found["chosen"]))
    tried = sum(bool(trial["scores"]) for trial in found["trials"])
    return {
        "Tuned": f"trial {found['chosen']} of {tried}: mean {found['metric']} {best:.4f} over "
        f"{found['folds']} folds of train and eval; {configured:.4f} as configured"
    }


def format_summary(summary: dict[str, Any], folder: RunFolder) -> str:
    """Formats the main results of a run.

    Args:
        summary: The run's summary.
        folder: The run's output folder.

    Returns:
        Lines, each with a label and its value.
    """
    clips, metrics, model = summary["clips"], summary["metrics"], summary["model"]
    reasons = ", ".join(f"{count} {reason}" for reason, count in clips["by_reason"].items())
    refused = f" ({reasons})" if reasons else ""
    noise = f"; {clips['noise']} noise files" if clips["noise"] else ""
    if clips["noise_rejected"]:
        noise += f"; {clips['noise_rejected']} noise files rejected"
    test = metrics["test"]
    score = SCORE_BY_TASK[model["task"]]
    measured = f"{test[score]:.4f} {format_interval(metrics['test_intervals'].get(score))}".strip()
    network, origin = _origin(model)
    windows = clips.get("windows")
    features = summary["features"]
    embedded = f"; {features['embedded']} clips embedded, {features['reused']} from the cache"
    rows = {
        "Recordings"
        if windows
        else "Clips": f"{clips['found']} found, {clips['accepted']} accepted, "
        f"{clips['rejected']} rejected{refused}{noise}",
        **({"Windows": format_windows(windows)} if windows else {}),
        f"Test {score}": f"{measured} on {round(test['clips'])} clips, "
        f"{len(clips['by_label'])} classes",
        **_cross_validation(summary["cross_validation"], score),
        **_tuning(summary["tuning"]),
        **_test_events(summary["test_events"]),
        network: origin + (embedded if features["reused"] else ""),
        "Pushed model": summary["pushed_path"] or f"none: {why_not_pushed(summary)}",
        "Report": str(folder.report),
        "Test clips": f"{folder.test_predictions}, one row a clip",
        "Time": f"{summary['seconds']['total']:.1f} s",
        "Next": f"vggish-tfx {_use(summary).format(shlex.quote(str(folder.root)))}"
        if summary["pushed_path"]
        else "see in the report which clips are wrong, and what is taken for what",
    }
    lines = [f"{label + ':':20}{value}" for label, value in rows.items()]
    return "\n".join(lines + [f"Note: {warning}" for warning in clips["warnings"]])
