"""The Frechet audio distance, and its extrapolation to infinitely many sounds."""

import numpy as np

from vggish.distances.gaussian import Gaussian

_SIZES = 15
_RANGE = 5  # The largest subset is at most five times as large as the smallest.
_SEED = 0


def frechet_distance(one: Gaussian, other: Gaussian) -> float:
    """Computes the squared Frechet distance of two Gaussians.

    Kilgour et al. (2019), *Frechet Audio Distance*: |m1 - m2|^2 + tr(C1 + C2 - 2 sqrt(C1 C2)).
    Here, tr(sqrt(C1 C2)) is the sum of the singular values of sqrt(C1) sqrt(C2). Unlike the square
    root of the product, which is not symmetric, these are real for every pair of covariances,
    singular ones included, so no constant needs to be added to a diagonal.

    Args:
        one: Mean and covariance of a set of embeddings.
        other: Those of another set, of as many dimensions.

    Returns:
        The distance, at least 0.
    """
    apart = one.mean - other.mean
    traces = np.trace(one.covariance) + np.trace(other.covariance)
    overlap = np.linalg.svd(
        _square_root(one.covariance) @ _square_root(other.covariance), compute_uv=False
    ).sum()
    return max(0.0, float(apart @ apart + traces - 2 * overlap))


def extrapolated_distance(reference: Gaussian, evaluated: np.ndarray) -> float | None:
    """Estimates the Frechet distance to infinitely many sounds like the evaluated ones.

    The distance to N embeddings is too large by about a constant divided by N. Gui et al. (2023),
    *Adapting Frechet Audio Distance for Generative Music Evaluation*, fit a line to the distances
    of random subsets over 1 / N, and take its value at 0. Subsets are drawn without replacement.

    Args:
        reference: Mean and covariance of the reference.
        evaluated: Embeddings [n, D].

    Returns:
        The line's value at 0, which can be a little below 0; None if there are not twice as many
        embeddings as the smallest subset, D + 1.
    """
    smallest = evaluated.shape[1] + 1
    if len(evaluated) < 2 * smallest:
        return None
    rng = np.random.default_rng(_SEED)
    first = max(smallest, len(evaluated) // _RANGE)
    sizes = np.linspace(first, len(evaluated), _SIZES).astype(int)
    distances = [
        frechet_distance(
            reference,
            Gaussian.of(evaluated[rng.choice(len(evaluated), size, replace=False)]),
        )
        for size in sizes
    ]
    _, intercept = np.polyfit(1 / sizes, distances, 1)
    return float(intercept)


def _square_root(covariance: np.ndarray) -> np.ndarray:
    """Returns the symmetric root of a covariance, whose eigenvalues are not negative."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
