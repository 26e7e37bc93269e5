"""The distances of two sets of sounds, as far as they mean something."""

from dataclasses import dataclass

import numpy as np

from pipeline.distance.sound_sets import SoundSet
from vggish.distances.frechet import extrapolated_distance, frechet_distance
from vggish.distances.kernel import KernelReference, kernel_distance, likeness
from vggish.errors import ConfigError

LEAST_FOR_THE_KERNEL = 100
"""Of two random halves of a set, the kernel distance varies by about 29 / n around 0 (standard
deviation; YAMNet's embedding of Speech Commands): by 0.3 for 100 embeddings, as much as between two
words, and by 2.6 for 10."""


@dataclass(frozen=True)
class SetDistances:
    """The distances of two sets.

    Attributes:
        counts: Numbers of embeddings of the reference and of the evaluated set.
        unit: What one embedding is of: `windows` or `clips`.
        frechet: Frechet audio distance, or None.
        frechet_extrapolated: Its estimate for infinitely many sounds, or None.
        kernel: Kernel audio distance, or None.
        reasons: A sentence for each distance that is None.
        likeness: Likeness of each evaluated file to the reference, the least like it first.
    """

    counts: tuple[int, int]
    unit: str
    frechet: float | None
    frechet_extrapolated: float | None
    kernel: float | None
    reasons: list[str]
    likeness: dict[str, float]


def compare_sets(reference: SoundSet, evaluated: SoundSet) -> SetDistances:
    """Computes the distances of two sets.

    Args:
        reference: The set to compare with.
        evaluated: The other set.

    Returns:
        The distances for which the sets are large enough.

    Raises:
        ConfigError: The embeddings are of different kinds, or too few for every distance.
    """
    sets = (reference, evaluated)
    sizes = [len(one.statistics.mean) for one in sets]
    if sizes[0] != sizes[1]:
        raise ConfigError(
            f"{reference.path} has embeddings of {sizes[0]:,} numbers and {evaluated.path} of "
            f"{sizes[1]:,}; use the same network and features for both."
        )
    if reference.by_window != evaluated.by_window:
        by_clip = next(one.path for one in sets if not one.by_window)
        raise ConfigError(
            f"{by_clip} has one embedding per clip, and the other set one per window; write the "
            "table again with `embed --pool none`."
        )
    counts = (reference.statistics.count, evaluated.statistics.count)
    unit = "windows" if reference.by_window else "clips"
    frechet = extrapolated = kernel = None
    files: dict[str, float] = {}
    reasons = []
    if all(one.statistics.is_enough for one in sets):
        frechet = frechet_distance(reference.statistics, evaluated.statistics)
        if evaluated.vectors is not None:
            extrapolated = extrapolated_distance(reference.statistics, evaluated.vectors)
        if extrapolated is None:
            reasons.append(f"The extrapolation takes {2 * (sizes[0] + 1):,} {unit} to evaluate.")
    else:
        reasons.append(
            f"The Frechet distance takes more than {sizes[0]:,} {unit} of each set, since a "
            f"covariance of {sizes[0]:,} numbers is singular otherwise."
        )
    if reference.vectors is None or evaluated.vectors is None:
        reasons.append("The kernel distance takes sounds or tables; a model has only statistics.")
    elif min(counts) < LEAST_FOR_THE_KERNEL:
        reasons.append(
            f"The kernel distance takes at least {LEAST_FOR_THE_KERNEL} {unit} of each set; with "
            "fewer, it is mostly chance."
        )
    else:
        known = KernelReference.of(reference.vectors)
        kernel = kernel_distance(known, evaluated.vectors)
        files = _likeness_of_files(known, evaluated.names, evaluated.vectors)
    if frechet is None and kernel is None:
        raise ConfigError(
            f"{reference.path} has {counts[0]:,} {unit} and {evaluated.path} {counts[1]:,}, which "
            f"is too few to compare: {' '.join(reasons)}"
        )
    return SetDistances(counts, unit, frechet, extrapolated, kernel, reasons, files)


def _likeness_of_files(
    known: KernelReference, files: tuple[str, ...], vectors: np.ndarray
) -> dict[str, float]:
    """Averages the likeness of each file's embeddings, the lowest first."""
    names, places = np.unique(np.array(files), return_inverse=True)
    sums = np.bincount(places, likeness(known, vectors))
    means = sums / np.bincount(places)
    return {str(names[i]): float(means[i]) for i in np.argsort(means)}
