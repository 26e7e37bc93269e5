"""The kernel audio distance."""

from dataclasses import dataclass

import numpy as np

_SCALE = 100
_BLOCK_ROWS = 1024
_MOST_FOR_THE_MEDIAN = 2000
_SEED = 0


@dataclass(frozen=True)
class KernelReference:
    """A reference set, with what every distance to it needs.

    Attributes:
        vectors: Its embeddings, float64 [n, D], n >= 2.
        bandwidth: Median distance of two of its embeddings; of a random 2,000 of them if there are
            more.
        likeness: Average kernel of two different embeddings.
    """

    vectors: np.ndarray
    bandwidth: float
    likeness: float

    @classmethod
    def of(cls, vectors: np.ndarray) -> "KernelReference":
        """Prepares embeddings [n, D]."""
        vectors = np.asarray(vectors, np.float64)
        some = vectors
        if len(vectors) > _MOST_FOR_THE_MEDIAN:
            rng = np.random.default_rng(_SEED)
            some = vectors[rng.choice(len(vectors), _MOST_FOR_THE_MEDIAN, replace=False)]
        pairs = _squared_distances(some, some)[np.triu_indices(len(some), 1)]
        # Without any spread, every kernel of equal vectors is 1, whatever the bandwidth is.
        bandwidth = float(np.sqrt(np.median(pairs))) or 1.0
        return cls(vectors, bandwidth, _mean_within(vectors, bandwidth))


def kernel_distance(reference: KernelReference, evaluated: np.ndarray) -> float:
    """Computes the kernel audio distance, an unbiased estimate that can be a little below 0.

    Chung et al. (2025), *KAD: No More FAD!*: the squared maximum mean discrepancy, times 100, of
    the kernel k(x, y) = exp(-|x - y|^2 / (2 s^2)), where s is the reference's bandwidth: 100 (mean
    k(x, x') + mean k(y, y') - 2 mean k(x, y)), over pairs of different embeddings.

    Args:
        reference: The reference set.
        evaluated: Embeddings of the other set, [m, D], m >= 2.
    """
    evaluated = np.asarray(evaluated, np.float64)
    within = _mean_within(evaluated, reference.bandwidth)
    between = likeness(reference, evaluated).mean()
    return float(_SCALE * (reference.likeness + within - 2 * between))


def likeness(reference: KernelReference, vectors: np.ndarray) -> np.ndarray:
    """Computes the average kernel of each vector [m, D] with the reference, 0 to 1, float64 [m]."""
    return np.concatenate(
        [
            _kernel(block, reference.vectors, reference.bandwidth).mean(axis=1)
            for block in _blocks(np.asarray(vectors, np.float64))
        ]
    )


def _mean_within(vectors: np.ndarray, bandwidth: float) -> float:
    """The average kernel of two different vectors; each one's kernel with itself is 1."""
    count = len(vectors)
    total = sum(_kernel(block, vectors, bandwidth).sum() for block in _blocks(vectors))
    return float((total - count) / (count * (count - 1)))


def _blocks(vectors: np.ndarray) -> list[np.ndarray]:
    return [vectors[i : i + _BLOCK_ROWS] for i in range(0, len(vectors), _BLOCK_ROWS)]


def _kernel(rows: np.ndarray, columns: np.ndarray, bandwidth: float) -> np.ndarray:
    return np.exp(_squared_distances(rows, columns) / (-2 * bandwidth**2))


def _squared_distances(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """|x - y|^2 as |x|^2 + |y|^2 - 2 x y, about a common centre, so that little cancels."""
    centre = columns.mean(axis=0)
    rows, columns = rows - centre, columns - centre
    squares = (rows**2).sum(axis=1)[:, np.newaxis] + (columns**2).sum(axis=1)
    return np.maximum(squares - 2 * rows @ columns.T, 0.0)
