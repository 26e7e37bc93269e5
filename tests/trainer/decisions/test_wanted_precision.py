"""Thresholds for a wanted precision against a search through every possible one."""

import numpy as np
import pytest
from metric_cases import several_labels
from scipy.stats import binomtest

from trainer.decisions.decision_rule import choose_rule
from trainer.decisions.thresholds import tune_thresholds
from trainer.decisions.wanted_precision import LEAST_CLIPS, NEVER, precise_thresholds


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("wanted", [0.5, 0.8, 1.0])
def test_no_threshold_as_precise_has_a_higher_recall(seed: int, wanted: float) -> None:
    clips = several_labels(clips=120, seed=seed)
    chosen = precise_thresholds(clips.truth.astype(np.float32), clips.scores, wanted)
    for c, found in enumerate(chosen):
        truth, scores = clips.truth[:, c], clips.scores[:, c]
        decided = [scores >= np.float32(other) for other in np.unique(scores)]
        recalls = [
            (truth & given).sum() / truth.sum()
            for given in decided
            if truth.sum() >= LEAST_CLIPS and (truth & given).sum() / given.sum() >= wanted
        ]
        if not max(recalls, default=0.0):
            assert (found.threshold, found.decided, found.precision) == (NEVER, 0, None)
            continue
        given = scores >= np.float32(found.threshold)
        assert found.recall == (truth & given).sum() / truth.sum() == max(recalls)
        assert (found.decided, found.clips) == (given.sum(), truth.sum())
        assert found.precision == (truth & given).sum() / given.sum() >= wanted


def test_the_bound_is_the_exact_one_of_a_binomial_share() -> None:
    truth = np.array([[1]] * 18 + [[0]] + [[1]] + [[0]] * 40, np.float32)
    scores = np.linspace(0.99, 0.01, 60, dtype=np.float32)[:, None]
    (found,) = precise_thresholds(truth, scores, 0.95)
    assert (found.decided, found.precision, found.recall) == (20, 0.95, 1.0)
    exact = binomtest(19, 20, alternative="greater").proportion_ci(0.95).low
    assert found.at_least == pytest.approx(exact, abs=1e-9)
    assert found.at_least == pytest.approx(0.784, abs=1e-3)


def test_few_clips_and_clips_that_nothing_tells_apart_are_never_decided() -> None:
    rng = np.random.default_rng(0)
    few = np.zeros([200, 3], np.float32)
    few[: LEAST_CLIPS - 1, 0] = 1
    few[:20, 1] = 1
    scores = np.stack([few[:, 0], np.full(200, 0.5), rng.random(200)], axis=1)
    chosen = precise_thresholds(few, scores.astype(np.float32), 0.9)
    assert [found.threshold for found in chosen] == [NEVER] * 3
    assert [found.recall for found in chosen] == [0.0, 0.0, None]
    assert np.float32(NEVER) > np.float32(1)


def test_the_rule_without_a_wanted_precision_has_the_highest_f1() -> None:
    clips = several_labels(clips=40, seed=1)
    truth = clips.truth.astype(np.float32)
    names = [str(c) for c in range(truth.shape[1])]
    card = choose_rule(truth, clips.scores, None, at_most_one=False).card(names)
    assert card["target_precision"] is None
    assert list(card["thresholds"].values()) == tune_thresholds(truth, clips.scores).tolist()


def test_the_card_has_what_is_known_of_every_class() -> None:
    clips = several_labels(clips=120, seed=1)
    names = [str(c) for c in range(clips.truth.shape[1])]
    truth = clips.truth.astype(np.float32)
    card = choose_rule(truth, clips.scores, 0.8, at_most_one=False).card(names)
    known = card["target_precision"]
    assert known["wanted"] == 0.8
    assert {name: of["threshold"] for name, of in known["classes"].items()} == card["thresholds"]


def test_of_at_most_one_label_the_highest_scores_decide() -> None:
    rng = np.random.default_rng(0)
    truth = np.eye(4, dtype=np.float32)[rng.integers(0, 4, 200)]
    truth[:60] = 0  # None of the classes.
    scores = (0.4 * truth + 0.6 * rng.random([200, 4])).astype(np.float32)
    top = scores.argmax(axis=1)
    right = truth[np.arange(200), top] > 0
    rule = choose_rule(truth, scores, 0.9, at_most_one=True)
    assert rule.at_most_one
    (threshold,) = set(rule.thresholds or [])
    given = scores.max(axis=1) >= np.float32(threshold)
    assert 0.9 <= right[given].mean() < 1
    assert rule.precise is not None
    assert rule.precise[0].decided == given.sum()
    lower = scores.max(axis=1) >= np.sort(scores.max(axis=1))[-given.sum() - 1]
    assert right[lower].mean() < 0.9
