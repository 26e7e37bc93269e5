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
        wanted_precision: Precision that the thresholds were chosen for; None for the highest F1.
        precise: What each threshold does to the eval split; None for the highest F1.
    """

    thresholds: list[float] | None = None
    wanted_precision: float | None = None
    precise: list[PreciseThreshold] | None = None

    def card(self, classes: Sequence[str]) -> dict[str, Any]:
        """Returns the entries of the model card.

        Args:
            classes: Class names, in the order of the scores.

        Returns:
            `thresholds` by class; `target_precision`, with the precision `wanted` and what is known
            of each of the `classes`. Either is None if there is none.
        """
        precise = self.precise and dict(zip(classes, map(asdict, self.precise), strict=True))
        return {
            "thresholds": self.thresholds and dict(zip(classes, self.thresholds, strict=True)),
            "target_precision": precise and {"wanted": self.wanted_precision, "classes": precise},
        }


def choose_rule(truth: np.ndarray, scores: np.ndarray, wanted: float | None) -> DecisionRule:
    """Chooses the rule for clips that may have any number of labels.

    Args:
        truth: Ones and zeros [clips, classes], of clips that were not used in training.
        scores: float32 [clips, classes].
        wanted: Precision; None for the highest F1.

    Returns:
        The rule.
    """
    if wanted is None:
        return DecisionRule(tune_thresholds(truth, scores).tolist())
    precise = precise_thresholds(truth, scores, wanted)
    return DecisionRule([chosen.threshold for chosen in precise], wanted, precise)
