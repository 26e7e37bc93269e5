"""The card of the chosen model: the facts that its users need, as data and as a page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.evaluation_results import SCORE_BY_TASK, Evaluation, metric_titles
from components.html.rendering import render

CARD_PAGE_FILE = "model_card.html"
_ABOUT_DATA = (
    "found",
    "accepted",
    "rejected",
    "by_split",
    "by_label",
    "windows",
    "background",
    "groups",
    "warnings",
)
"""The facts of AudioExampleGen's summary that a model's users need."""


def complete_card(
    card: Mapping[str, Any],
    evaluation: Evaluation,
    clips: Mapping[str, Any],
    about: Mapping[str, str],
) -> dict[str, Any]:
    """Adds the results from after the training to a Trainer's card.

    Args:
        card: The Trainer's card.
        evaluation: Results on the test split.
        clips: AudioExampleGen's summary.
        about: The configuration's section `card`.

    Returns:
        The whole card.
    """
    metrics = {
        **card["metrics"],
        "test": evaluation.metrics,
        "test_intervals": evaluation.intervals,
    }
    data = {key: clips[key] for key in _ABOUT_DATA if key in clips}
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
        card: The card that `complete_card` returns. Its texts are escaped.

    Returns:
        An HTML document that needs no other file.
    """
    template = Path(__file__).with_name("card.html")
    titles = metric_titles(card["metrics"]["test"], len(card["classes"]))
    return render(template, card=card, score=SCORE_BY_TASK[card["task"]], titles=titles)
