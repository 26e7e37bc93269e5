"""Mean and covariance of embeddings, in one pass over any number of them."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Gaussian:
    """Mean and covariance of vectors.

    Attributes:
        count: Number of vectors.
        mean: float64 [D].
        scatter: Sum of the outer products of the vectors' deviations from the mean, float64 [D, D].
    """

    count: int
    mean: np.ndarray
    scatter: np.ndarray

    @classmethod
    def of(cls, vectors: np.ndarray) -> "Gaussian":
        """Computes mean and scatter of vectors [n, D], n >= 1, in float64."""
        vectors = np.asarray(vectors, np.float64)
        mean = vectors.mean(axis=0)
        deviations = vectors - mean
        return cls(len(vectors), mean, deviations.T @ deviations)

    @classmethod
    def of_batches(cls, batches: Iterable[np.ndarray]) -> "Gaussian | None":
        """Computes mean and scatter of batches of vectors; None without a vector."""
        whole: Gaussian | None = None
        for batch in batches:
            if len(batch):
                part = cls.of(batch)
                whole = part if whole is None else whole.merge(part)
        return whole

    def merge(self, other: "Gaussian") -> "Gaussian":
        """Joins two disjoint sets (Chan, Golub and LeVeque 1979, equation 2.1)."""
        count = self.count + other.count
        apart = other.mean - self.mean
        return Gaussian(
            count,
            self.mean + apart * (other.count / count),
            self.scatter
            + other.scatter
            + np.outer(apart, apart) * (self.count * other.count / count),
        )

    @property
    def covariance(self) -> np.ndarray:
        """The sample covariance, float64 [D, D]: the scatter divided by n - 1."""
        return self.scatter / max(self.count - 1, 1)

    @property
    def is_enough(self) -> bool:
        """Whether there are more vectors than dimensions.

        With fewer, the covariance is singular, and a distance says more about the number of vectors
        than about their distribution.
        """
        return self.count > len(self.mean)
