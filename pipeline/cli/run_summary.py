"""The text that a run prints at its end."""

from typing import Any

from components.evaluation_results import SCORE_BY_TASK
from components.html.rendering import format_interval
from pipeline.runners.run_folder import RunFolder
from vggish.networks.network_table import find_network


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
    network = find_network(model["network"]).title
    origin = (
        f"seeded random weights, NOT the released {network}"
        if model["weights"] == "random"
        else f"checkpoint {model['weights'][:12]}"
    )
    rows = {
        "Clips": f"{clips['found']} found, {clips['accepted']} accepted, "
        f"{clips['rejected']} rejected{refused}{noise}",
        f"Test {score}": f"{measured} on {round(test['clips'])} clips, "
        f"{len(clips['by_label'])} classes",
        network: origin,
        "Pushed model": summary["pushed_path"] or "none: not blessed, see the report",
        "Report": str(folder.report),
        "Time": f"{summary['seconds']['total']:.1f} s",
    }
    lines = [f"{label + ':':20}{value}" for label, value in rows.items()]
    return "\n".join(lines + [f"Note: {warning}" for warning in clips["warnings"]])
