"""How scores of several models become one, on scores whose best combination is known."""

import numpy as np
import pytest
from scipy.special import expit, softmax

from trainer.ensemble.combination import fit_combination


def views(clips: int, *noise: float) -> tuple[np.ndarray, list[np.ndarray]]:
    """Labels, and what models with noise of their own say; the odds of a view are right for it."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, clips)
    truth = np.eye(4, dtype=bool)[labels]
    # Of a normal view with deviation d around 0 and 1, the log-likelihood ratio is x / d^2.
    seen = [truth + rng.normal(0, d, truth.shape) for d in noise]
    odds = [x / d**2 for x, d in zip(seen, noise, strict=True)]
    return truth, [softmax(o, axis=1).astype(np.float32) for o in odds]


def loss(truth: np.ndarray, scores: np.ndarray) -> float:
    return -np.log(scores[truth]).mean()


def test_a_mean_is_of_scores_that_sum_to_one() -> None:
    one = np.array([[0.2, 0.2], [0.9, 0.3]], np.float32)
    two = np.array([[0.1, 0.9], [0.5, 0.5]], np.float32)
    truth = np.eye(2, dtype=bool)
    mean = fit_combination("mean", truth, [one, two], multi_label=False)
    assert mean.weights == (0.5, 0.5)
    np.testing.assert_allclose(mean([one, two]), [[0.3, 0.7], [0.625, 0.375]], rtol=1e-6)
    several = fit_combination("mean", truth, [one, two], multi_label=True)
    np.testing.assert_allclose(several([one, two]), (one + two) / 2, rtol=1e-6)


def test_a_stack_adds_independent_views_and_ignores_noise() -> None:
    truth, scores = views(4_000, 0.6, 0.8)
    chance = np.random.default_rng(1).dirichlet(np.ones(4), len(truth)).astype(np.float32)
    stack = fit_combination("stack", truth, [*scores, chance], multi_label=False)
    # The log-likelihoods of independent views add up, each with the weight 1.
    np.testing.assert_allclose(stack.weights, [1, 1, 0], atol=0.1)
    combined = stack([*scores, chance]).numpy()
    assert loss(truth, combined) < min(loss(truth, s) for s in scores) - 0.05


def test_a_stack_of_several_labels_has_an_offset() -> None:
    rng = np.random.default_rng(2)
    odds = rng.normal(-1, 2, [3_000, 5])
    truth = rng.random(odds.shape) < expit(odds)
    # One model is right but for a shift, the other knows nothing.
    scores = [expit(odds + 1).astype(np.float32), rng.random(odds.shape).astype(np.float32)]
    stack = fit_combination("stack", truth, scores, multi_label=True)
    assert stack.weights == pytest.approx((1, 0), abs=0.06)
    assert stack.offset == pytest.approx(-1, abs=0.15)
    np.testing.assert_allclose(stack(scores), expit(odds), atol=0.08)


def test_few_clips_hardly_move_the_weights() -> None:
    truth = np.eye(3, dtype=bool)
    right = np.where(truth, 0.9, 0.05).astype(np.float32)
    wrong = np.roll(right, 1, axis=0)
    # Without the prior, the weights would be the bounds, 20 and 0.
    few = fit_combination("stack", truth, [right, wrong], multi_label=False)
    assert few.weights == pytest.approx((0.5, 0.5), abs=1)
    assert few.weights[0] > few.weights[1]
    # Two models that say the same share the weight, whatever the number of clips.
    truth, scores = views(500, 0.6, 0.8)
    twice = fit_combination("stack", truth, [scores[0], scores[0]], multi_label=False)
    assert twice.weights[0] == pytest.approx(twice.weights[1], abs=1e-3)
