"""Neighbours that are equally far."""

import numpy as np
import pytest

from schema.config.classical_head_settings import KnnSettings
from trainer.heads.neighbours import fit_knn


@pytest.fixture(scope="module")
def lattice() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Training clips and others on whole numbers, where distances are exact and often equal."""
    rng = np.random.default_rng(0)
    train = rng.integers(-3, 4, size=(200, 3)).astype(float)
    labels = rng.integers(0, 4, 200)
    return train, labels, rng.integers(-4, 5, size=(300, 3)).astype(float)


def test_of_equally_far_clips_the_first_ones_count(lattice) -> None:
    train, labels, clips = lattice
    _, lowered = fit_knn(train, labels, KnnSettings(neighbours=5, metric="euclidean"), 0)
    distances = ((clips[:, None] - train) ** 2).sum(axis=2)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :5]
    expected = (labels[nearest][:, :, None] == np.arange(4)).mean(axis=1)
    np.testing.assert_allclose(lowered(clips), expected, atol=1e-12)


def test_scikit_learn_agrees_if_the_last_place_is_decided(lattice) -> None:
    train, labels, clips = lattice
    native, lowered = fit_knn(train, labels, KnnSettings(neighbours=5, metric="euclidean"), 0)
    distances = np.sort(((clips[:, None] - train) ** 2).sum(axis=2), axis=1)
    decided = distances[:, 4] < distances[:, 5]
    assert 30 < decided.sum() < 300
    np.testing.assert_allclose(
        lowered(clips).numpy()[decided], native.predict_proba(clips)[decided], atol=1e-12
    )


def test_a_clip_of_nothing_has_neighbours_by_cosine(lattice) -> None:
    train, labels, _ = lattice
    _, lowered = fit_knn(train, labels, KnnSettings(neighbours=5), 0)
    # Its cosine with every clip is 0, so that the first five count.
    shares = (labels[:5, None] == np.arange(4)).mean(axis=0)
    np.testing.assert_allclose(lowered(np.zeros([1, 3]))[0], shares)
