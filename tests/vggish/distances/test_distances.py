"""The distances against the published implementations' formulas, written out."""

import numpy as np
import pytest
import scipy.linalg
from scipy.spatial.distance import cdist, pdist

from vggish.distances.frechet import extrapolated_distance, frechet_distance
from vggish.distances.gaussian import Gaussian
from vggish.distances.kernel import KernelReference, kernel_distance, likeness

SIZE = 12


def embeddings(seed: int, count: int = 400, shift: float = 0.0, scale: float = 1.0) -> np.ndarray:
    """Correlated vectors, float32, of which one number is always 0, like a dead unit."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(SIZE, SIZE))
    vectors = (rng.normal(size=(count, SIZE)) * scale) @ mixing + shift
    vectors[:, 3] = 0
    return vectors.astype(np.float32)


def google_frechet(one: np.ndarray, other: np.ndarray) -> float:
    """fad_utils.py of google-research/frechet_audio_distance."""
    mu1, sigma1 = one.mean(axis=0), np.cov(one, rowvar=False)
    mu2, sigma2 = other.mean(axis=0), np.cov(other, rowvar=False)
    diff = mu1 - mu2
    covmean = scipy.linalg.sqrtm(sigma1.dot(sigma2))
    if not np.isfinite(covmean).all():
        offset = np.eye(len(sigma1)) * 1e-6
        covmean = scipy.linalg.sqrtm((sigma1 + offset).dot(sigma2 + offset))
    covmean = covmean.real
    return diff.dot(diff) + np.trace(sigma1) + np.trace(sigma2) - 2 * np.trace(covmean)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.3, 1.0), (0.0, 2.0)])
def test_the_frechet_distance_is_googles(shift, scale) -> None:
    one, other = embeddings(1).astype(np.float64), embeddings(2, 300, shift, scale)
    alive = np.delete(np.arange(SIZE), 3)  # Of a singular product, sqrtm is not exact.
    expected = google_frechet(one[:, alive], other[:, alive].astype(np.float64))
    found = frechet_distance(Gaussian.of(one), Gaussian.of(other))
    assert found == pytest.approx(expected, rel=1e-6)


def test_a_set_has_no_distance_to_itself() -> None:
    vectors = embeddings(1)
    assert frechet_distance(Gaussian.of(vectors), Gaussian.of(vectors)) < 1e-6
    few = Gaussian.of(vectors[:4])  # A singular covariance.
    assert frechet_distance(few, few) < 1e-6


def test_distances_grow_with_the_noise_in_a_set() -> None:
    clean, reference = embeddings(1), embeddings(2)
    noise = np.random.default_rng(3).normal(size=clean.shape)
    noisy = [clean + level * noise for level in (0, 1, 2, 4, 8)]
    frechet = [frechet_distance(Gaussian.of(reference), Gaussian.of(one)) for one in noisy]
    kernel = [kernel_distance(KernelReference.of(reference), one) for one in noisy]
    assert frechet == sorted(frechet)
    assert kernel == sorted(kernel)
    assert frechet[-1] > 10 * frechet[0]


def test_statistics_of_parts_are_those_of_the_whole() -> None:
    vectors = embeddings(1, 1000, shift=50.0)
    whole = Gaussian.of_batches([vectors[:1], vectors[1:1], vectors[1:700], vectors[700:]])
    assert whole is not None
    assert whole.count == 1000
    np.testing.assert_allclose(whole.mean, vectors.astype(np.float64).mean(axis=0), rtol=1e-12)
    expected = np.cov(vectors.astype(np.float64), rowvar=False)
    np.testing.assert_allclose(whole.covariance, expected, rtol=1e-9, atol=1e-12)
    assert Gaussian.of_batches([]) is None


def test_extrapolation_takes_the_bias_of_few_sounds_away() -> None:
    """Both sets are of one distribution, so the distance of infinitely many is 0."""
    reference = Gaussian.of(embeddings(1, 100_000))
    sets = [embeddings(seed, 200) for seed in range(2, 22)]
    biased = np.mean([frechet_distance(reference, Gaussian.of(few)) for few in sets])
    extrapolated = [extrapolated_distance(reference, few) for few in sets]
    assert abs(np.mean(extrapolated)) < biased / 3
    assert extrapolated_distance(reference, sets[0][: 2 * SIZE + 1]) is None
    assert extrapolated[0] == extrapolated_distance(reference, sets[0])


def test_the_kernel_distance_is_the_papers() -> None:
    one, other = (embeddings(s, n, s / 5).astype(np.float64) for s, n in ((1, 300), (2, 250)))
    gamma = 1 / (2 * np.median(pdist(one)) ** 2)
    k_xx, k_yy, k_xy = (
        np.exp(-gamma * cdist(a, b, "sqeuclidean"))
        for a, b in ((one, one), (other, other), (one, other))
    )
    expected = 100 * (
        (k_xx.sum() - 300) / (300 * 299) + (k_yy.sum() - 250) / (250 * 249) - 2 * k_xy.mean()
    )
    reference = KernelReference.of(one)
    assert kernel_distance(reference, other) == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(likeness(reference, other), k_xy.mean(axis=0), rtol=1e-9)


def test_the_kernel_distance_of_one_distribution_is_about_zero() -> None:
    reference = KernelReference.of(embeddings(1, 3000))  # More than the median takes.
    same = [kernel_distance(reference, embeddings(seed, 200)) for seed in range(2, 12)]
    assert min(same) < 0 < max(same)  # Unbiased.
    assert max(same) < kernel_distance(reference, embeddings(2, 200, shift=0.5)) / 3


def test_sets_without_spread() -> None:
    same = np.ones((5, SIZE), np.float32)
    assert kernel_distance(KernelReference.of(same), same) == pytest.approx(0)
    assert not Gaussian.of(embeddings(1, SIZE)).is_enough
    assert Gaussian.of(embeddings(1, SIZE + 1)).is_enough
