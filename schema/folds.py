"""The folds of a cross-validation, and the files of its results."""

from dataclasses import dataclass

RESULTS_FILE = "cross_validation.json"
"""File in the output of CrossValidator: results by fold, their means, and those of all clips."""


@dataclass(frozen=True)
class Fold:
    """A fold: what is tested, and what is kept from the training. All other clips are trained on.

    Attributes:
        name: Name of the fold.
        test: Ids of the clips that are tested.
        eval: Ids of the clips that choose epochs, calibration and thresholds.
        left_out: Ids of the clips that have the same sound as a test clip.
    """

    name: str
    test: frozenset[str]
    eval: frozenset[str]
    left_out: frozenset[str] = frozenset()
