"""Checking an installation: front end, network and post-processor against published values."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from vggish import params
from vggish.networks.pca_postprocessor import Postprocessor, load_postprocessor
from vggish.weights import checkpoint
from vggish.weights.download import DownloadProgress
from vggish.weights.published_values import (
    PUBLISHED_EMBEDDING,
    PUBLISHED_POSTPROCESSED,
    RELATIVE_TOLERANCE,
    EmbeddingStatistics,
    tone_embedding,
    tone_log_mel,
)

# The ends of the first frame of the tone, as the reference prints them (vggish_smoke_test.py).
_TONE_BANDS = (0, 1, 2, -3, -2, -1)
_TONE_VALUES = (-4.48313252, -4.27083405, -4.17064267, -4.60069383, -4.60098887, -4.60116305)

# Mean of the bytes that the released vggish_pca_params.npz makes of a ramp from -1 to 1.
_RAMP_MEAN = 116.7578125


@dataclass(frozen=True)
class ValueComparison:
    """The comparison of one value.

    Attributes:
        what: Name of the value.
        expected: Published value; for an array, the one that differs most.
        found: Value of this installation.
        difference: Absolute difference.
        tolerance: Maximum difference.
    """

    what: str
    expected: float
    found: float
    difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the difference is tolerated; NaN is not."""
        return self.difference <= self.tolerance


@dataclass(frozen=True)
class InstallationReport:
    """The result of `check_installation`.

    Attributes:
        comparisons: All comparisons.
        unchecked: One sentence with the reason for each part that was not compared.
    """

    comparisons: tuple[ValueComparison, ...]
    unchecked: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether all comparisons agree."""
        return all(comparison.passed for comparison in self.comparisons)


def check_installation(
    checkpoint_choice: str | None = None,
    pca: str | Path | None = None,
    progress: DownloadProgress | None = None,
) -> InstallationReport:
    """Compares the results of this installation with published values.

    Args:
        checkpoint_choice: Value of `--checkpoint`; None skips the network.
        pca: Path of `vggish_pca_params.npz`; None checks only the quantisation.
        progress: Function that gets the progress of a download.

    Returns:
        All comparisons, and the parts that were not compared.

    Raises:
        CheckpointError: A file is wrong.
    """
    comparisons = [*_front_end(), _quantisation()]
    unchecked = []
    embedding = None
    if checkpoint_choice is None:
        unchecked.append(
            "The network was not checked, because no checkpoint was given: "
            "only the front end and the post-processor were."
        )
    else:
        weights, origin = checkpoint.resolve(checkpoint_choice, progress=progress)
        if origin == checkpoint.RANDOM:
            unchecked.append(
                "The network was not checked, because random weights have no published values: "
                "only the front end and the post-processor were."
            )
        else:
            embedding = tone_embedding(weights)
            comparisons += _statistics("embedding of the tone", embedding, PUBLISHED_EMBEDDING)
    if pca is None:
        unchecked.append(
            "The PCA was not checked, because vggish_pca_params.npz was not given: "
            "only the quantisation of the post-processor was."
        )
    else:
        postprocessor = load_postprocessor(pca)
        comparisons.append(_pca(postprocessor))
        if embedding is not None:
            processed = postprocessor(tf.constant(embedding)).numpy()
            what = "post-processed embedding of the tone"
            comparisons += _statistics(what, processed, PUBLISHED_POSTPROCESSED)
    return InstallationReport(tuple(comparisons), tuple(unchecked))


def _front_end() -> list[ValueComparison]:
    exact = tone_log_mel().numpy()
    reduced = tone_log_mel(tf.float32).numpy()
    first_frame = exact[0, 0, list(_TONE_BANDS)]
    return [
        _largest("log-mel of the tone", np.array(_TONE_VALUES), first_frame, 5e-7),
        _largest("log-mel of the tone in float32", exact, reduced, 1e-3),
    ]


def _quantisation() -> ValueComparison:
    """Checks the quantisation with the identity as PCA."""
    levels = np.array([-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0], np.float32)
    identity = Postprocessor(np.eye(params.EMBEDDING_SIZE), np.zeros(params.EMBEDDING_SIZE))
    found = identity(tf.fill([1, params.EMBEDDING_SIZE], 1.0) * levels[:, np.newaxis]).numpy()
    expected = np.array([0, 0, 63, 127, 191, 255, 255])[:, np.newaxis] + np.zeros_like(found, int)
    return _largest("quantisation of -3 to 3", expected, found.astype(int), 0.0)


def _pca(postprocessor: Postprocessor) -> ValueComparison:
    """Checks the PCA parameters on a ramp, which needs no network."""
    ramp = tf.linspace(tf.constant([-1.0]), tf.constant([1.0]), params.EMBEDDING_SIZE, axis=1)
    found = float(postprocessor(ramp).numpy().mean())
    one_byte = 1 / params.EMBEDDING_SIZE  # A value between two bytes may become either.
    return _comparison("mean of the post-processed ramp", _RAMP_MEAN, found, one_byte)


def _statistics(
    what: str, values: np.ndarray, published: EmbeddingStatistics
) -> list[ValueComparison]:
    found = EmbeddingStatistics.of(values)
    return [
        _comparison(f"{name} of the {what}", expected, value, RELATIVE_TOLERANCE * abs(expected))
        for name, expected, value in (
            ("mean", published.mean, found.mean),
            ("deviation", published.std, found.std),
        )
    ]


def _comparison(what: str, expected: float, found: float, tolerance: float) -> ValueComparison:
    return ValueComparison(what, expected, found, abs(found - expected), tolerance)


def _largest(
    what: str, expected: np.ndarray, found: np.ndarray, tolerance: float
) -> ValueComparison:
    where = np.unravel_index(np.abs(found - expected).argmax(), found.shape)
    return _comparison(what, float(expected[where]), float(found[where]), tolerance)
