"""The card of a model that goes on: what its user must know, for programs and for people."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.evaluation_results import SCORE_BY_TASK, Evaluation
from components.html.rendering import render

CARD_PAGE_FILE = "model_card.html"


def complete_card(
    card: Mapping[str, Any],
    evaluation: Evaluation,
    clips: Mapping[str, Any],
    about: Mapping[str, str],
) -> dict[str, Any]:
    """Adds to a Trainer's card what was found out after it.

    Args:
        card: The Trainer's.
        evaluation: On the test split.
        clips: The summary of AudioExampleGen.
        about: What the configuration's section `card` says.

    Returns:
        The whole card.
    """
    metrics = {
        **card["metrics"],
        "test": evaluation.metrics,
        "test_intervals": evaluation.intervals,
    }
    data = {key: clips[key] for key in ("found", "accepted", "rejected", "by_split", "by_label")}
    return {
        **card,
        "about": dict(about),
        "data": data,
        "metrics": metrics,
        "per_class": {name: dict(score) for name, score in evaluation.per_class.items()},
    }


def render_card(card: Mapping[str, Any]) -> str:
    """Makes the page of a whole card.

    Args:
        card: As `complete_card` returns it. Its texts may hold anything: they are escaped.

    Returns:
        An HTML document that needs nothing beside it.
    """
    template = Path(__file__).with_name("card.html")
    return render(template, card=card, score=SCORE_BY_TASK[card["task"]])
