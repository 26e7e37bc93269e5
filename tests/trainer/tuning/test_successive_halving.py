"""Many settings on one fold, and the best of them on more."""

import pytest

from trainer.tuning.successive_halving import Trial, halve, rungs_of
from vggish.errors import DataSetError


def trials(number: int) -> list[Trial]:
    return [Trial(i, {"model": {}, "train": {}}) for i in range(number)]


def test_rungs() -> None:
    assert [rungs_of(folds) for folds in (2, 3, 5, 10)] == [
        [1, 2],
        [1, 2, 3],
        [1, 3, 5],
        [1, 5, 10],
    ]


def test_the_best_are_tested_on_more_folds() -> None:
    tried = trials(9)
    best = halve(tried, 5, lambda trial, fold: trial.number + fold / 10, minutes=None)
    assert best.number == 8
    # Nine on one fold, a third of them and the first on three, a ninth and the first on all.
    assert [len(trial.scores) for trial in tried] == [5, 1, 1, 1, 1, 1, 3, 3, 5]
    assert tried[8].scores == [8.0, 8.1, 8.2, 8.3, 8.4]


def test_the_first_is_the_best_unless_another_is_better_on_all_folds() -> None:
    """A trial that shines on the first fold alone is not chosen, nor is an equal one."""
    lucky = {(1, 0): 1.0}
    best = halve(trials(3), 3, lambda t, fold: lucky.get((t.number, fold), 0.5), minutes=None)
    assert best.number == 1
    lucky[1, 1] = lucky[1, 2] = 0.2
    assert halve(trials(3), 3, lambda t, f: lucky.get((t.number, f), 0.5), minutes=None).number == 0
    assert halve(trials(3), 3, lambda *_: 0.5, minutes=None).number == 0


def test_time_is_shared_by_the_rungs_and_the_first_is_always_tested() -> None:
    now = [0.0]

    def slow(trial: Trial, fold: int) -> float:
        now[0] += 60.0
        return float(trial.number)

    tried = trials(30)
    # A third of nine minutes: three trainings of the first rung.
    best = halve(tried, 3, slow, minutes=9, clock=lambda: now[0])
    assert [len(trial.scores) for trial in tried[:4]] == [3, 3, 3, 0]
    assert best.number == 2
    assert tried[1].seconds == 180
    now[0] = 0.0
    tried = trials(3)
    assert halve(tried, 3, slow, minutes=0.5, clock=lambda: now[0]).number == 0
    assert [len(trial.scores) for trial in tried] == [3, 0, 0]


def test_settings_that_do_not_suit_the_data_are_passed_over() -> None:
    def score(trial: Trial, fold: int) -> float:
        if trial.number == 2:
            raise DataSetError("No clip has the label 'cat'.")
        return trial.number

    tried = trials(3)
    assert halve(tried, 2, score, minutes=None).number == 1
    assert tried[2].failed == "No clip has the label 'cat'."
    with pytest.raises(DataSetError):
        halve([Trial(2, {}), *trials(2)], 2, lambda *_: score(Trial(2, {}), 0), minutes=None)
