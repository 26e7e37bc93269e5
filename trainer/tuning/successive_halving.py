"""Successive halving over folds: many settings are tried on one fold, the best of them on more.

Jamieson and Talwalkar (2016), "Non-stochastic best arm identification and hyperparameter
optimization", with folds as the resource: any head can be tested on fewer folds, while only some
can be trained for fewer epochs. What a trial did on a fold is kept for the next rung.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from vggish.errors import VggishError

_KEPT = 3
"""One of so many trials goes on to the next rung."""


@dataclass
class Trial:
    """Settings, and how good they are.

    Attributes:
        number: Number of the trial; 0 is the one that the others must beat.
        settings: The sections `model` and `train`.
        scores: Score of each fold that was tested, in the order of the folds.
        seconds: Time that it took.
        failed: Why the settings do not suit the data, or None.
    """

    number: int
    settings: dict[str, dict[str, Any]]
    scores: list[float] = field(default_factory=list)
    seconds: float = 0.0
    failed: str | None = None

    @property
    def mean(self) -> float:
        """The mean score of the folds that were tested."""
        return sum(self.scores) / len(self.scores)


def rungs_of(folds: int) -> list[int]:
    """Returns the number of folds of each rung: one, half of them, and all."""
    return sorted({1, math.ceil(folds / 2), folds})


def halve(
    trials: Sequence[Trial],
    folds: int,
    score: Callable[[Trial, int], float],
    *,
    minutes: float | None,
    clock: Callable[[], float] = time.monotonic,
) -> Trial:
    """Finds the best of some trials.

    The first trial is tested on all folds, whatever time it takes. Of the time, every rung has the
    same share; trials that it leaves untested do not go on.

    Args:
        trials: The trials, whose scores are filled in.
        folds: The number of folds.
        score: Function that tests a trial on the fold of a number.
        minutes: Time after which no further test starts, or None.
        clock: Returns the time in seconds.

    Returns:
        The trial with the highest mean over all folds, the first of equals.
    """
    begin, rungs, alive = clock(), rungs_of(folds), list(trials)
    for rung, budget in enumerate(rungs, start=1):
        end = math.inf if minutes is None else begin + 60 * minutes * rung / len(rungs)
        for trial in alive:
            while len(trial.scores) < budget and trial.failed is None:
                if trial is not trials[0] and clock() >= end:
                    break
                _test(trial, score, clock)
        tested = [trial for trial in alive[1:] if len(trial.scores) >= budget]
        tested.sort(key=lambda trial: -trial.mean)
        if budget < folds:
            tested = tested[: math.ceil(len(trials) / _KEPT**rung)]
        alive = [trials[0], *sorted(tested, key=lambda trial: trial.number)]
    return max(alive, key=lambda trial: trial.mean)


def _test(trial: Trial, score: Callable[[Trial, int], float], clock: Callable[[], float]) -> None:
    begin = clock()
    try:
        trial.scores.append(score(trial, len(trial.scores)))
    except VggishError as error:
        if trial.number == 0:
            raise
        trial.failed = str(error)
    trial.seconds += clock() - begin
