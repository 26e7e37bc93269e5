"""What a rule decides on scores."""

import numpy as np
import pytest

from trainer.decisions.decision_rule import DecisionRule

SCORES = np.array([[0.6, 0.7, 0.1], [0.3, 0.2, 0.1], [0.5, 0.4, 0.9]], np.float32)


@pytest.mark.parametrize(
    ("rule", "labels"),
    [
        (DecisionRule(), [[1], [0], [2]]),
        (DecisionRule([0.5, 0.5, 0.95]), [[0, 1], [], [0]]),
        (DecisionRule([0.5, 0.5, 0.5], at_most_one=True), [[1], [], [2]]),
    ],
)
def test_labels_of_clips(rule: DecisionRule, labels: list[list[int]]) -> None:
    assert [np.flatnonzero(row).tolist() for row in rule.decide(SCORES)] == labels
