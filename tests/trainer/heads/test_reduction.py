"""Standardisation and principal components where the data does not bear what is asked for."""

import numpy as np

from schema.config.classical_head_settings import ReductionSettings
from trainer.heads.reduction import Reduction, fit_reduction


def reduce(train: np.ndarray, clips: np.ndarray, **settings: object) -> np.ndarray:
    everyone = np.arange(len(train))
    fitted = fit_reduction(train, everyone, ReductionSettings(**settings), 0)
    expected = fitted.transform(clips)
    np.testing.assert_allclose(Reduction(fitted)(clips), expected, atol=1e-9)
    return expected


def test_components_are_whitened_and_no_more_than_half_the_clips() -> None:
    train = np.random.default_rng(0).normal(size=(40, 100)) * np.arange(1, 101)
    reduced = reduce(train, train, pca=64)
    assert reduced.shape == (40, 20)
    np.testing.assert_allclose(np.cov(reduced.T), np.eye(20), atol=1e-9)


def test_directions_without_variance_are_no_components() -> None:
    rng = np.random.default_rng(0)
    three = rng.normal(size=(100, 3))
    train = np.concatenate([three @ rng.normal(size=(3, 20)), np.full((100, 4), 7.0)], axis=1)
    assert reduce(train, train).shape == (100, 3)


def test_features_that_never_vary_give_zero() -> None:
    train = np.full((10, 4), 3.0)
    np.testing.assert_array_equal(reduce(train, train), np.zeros((10, 1)))


def test_rare_features_are_bounded() -> None:
    train = np.zeros((1000, 1))
    train[0] = 1
    clips = np.array([[0.0], [1.0], [-1e9]])
    np.testing.assert_allclose(reduce(train, clips, pca=None).ravel(), [-0.03164, 5, -5], atol=1e-4)


def test_without_any_step_features_pass() -> None:
    clips = np.random.default_rng(0).normal(size=(3, 4))
    np.testing.assert_array_equal(reduce(clips, clips, standardise=False, pca=None), clips)
