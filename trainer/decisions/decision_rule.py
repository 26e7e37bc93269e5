"""The rule that turns a model's scores into decisions, chosen on the eval split."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trainer.decisions.thresholds import tune_thresholds
from trainer.decisions.wanted_precision import PreciseThreshold, precise_thresholds


@dataclass(frozen=True)
class DecisionRule:
    """When a clip gets a label.

    Attributes:
        thresholds: The least score of each class; None if the highest score decides.
        at_most_one: Whether a clip gets no label but that of its highest score.
        wanted_precision: Precision that the thresholds were chosen for; None for the highest F1.
        precise: What each threshold does to the eval split; None for the highest F1.
    """

    thresholds: list[float] | None = None
    at_most_one: bool = False
    wanted_precision: float | None = None
    precise: list[PreciseThreshold] | None = None

    def decide(self, scores: np.ndarray) -> np.ndarray:
        """Returns the decisions, bool [clips, classes], on scores, float32 [clips, classes]."""
        top = np.arange(scores.shape[1]) == scores.argmax(axis=1)[:, np.newaxis]
        if self.thresholds is None:
            return top
        reached = scores >= np.asarray(self.thresholds, np.float32)
        return reached & top if self.at_most_one else reached

    def card(self, classes: Sequence[str]) -> dict[str, Any]:
        """Returns the entries of the model card.

        Args:
            classes: Class names, in the order of the scores.

        Returns:
            `thresholds` by class; `target_precision`, with the precision `wanted` and what is known
            of each of the `classes`. Either is None if there is none.
        """
        thresholds, known = None, None
        if self.thresholds is not None:
            thresholds = dict(zip(classes, self.thresholds, strict=True))
        if self.precise is not None:
            by_class = dict(zip(classes, map(asdict, self.precise), strict=True))
            known = {"wanted": self.wanted_precision, "classes": by_class}
        return {"thresholds": thresholds, "target_precision": known}


def choose_rule(
    truth: np.ndarray, scores: np.ndarray, wanted: float | None, *, at_most_one: bool
) -> DecisionRule:
    """Chooses the rule for clips that may have several labels, or none.

    Of a clip with at most one label, only the highest score can be right. So one threshold is
    chosen from the highest scores of all clips, and every class has it.

    Args:
        truth: Ones and zeros [clips, classes], of clips that were not used in training.
        scores: float32 [clips, classes].
        wanted: Precision; None for the highest F1.
        at_most_one: Whether a clip has at most one label.

    Returns:
        The rule.
    """
    classes = truth.shape[1]
    if at_most_one:
        top = scores.argmax(axis=1)[:, np.newaxis]
        truth, scores = (np.take_along_axis(values, top, axis=1) for values in (truth, scores))
    repeats = classes if at_most_one else 1
    if wanted is None:
        return DecisionRule(tune_thresholds(truth, scores).tolist() * repeats, at_most_one)
    precise = precise_thresholds(truth, scores, wanted) * repeats
    return DecisionRule([one.threshold for one in precise], at_most_one, wanted, precise)
