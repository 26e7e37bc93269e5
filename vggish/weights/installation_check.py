"""Checking an installation: front end, network and post-processor against published values."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from vggish import params
from vggish.errors import VggishError
from vggish.networks.network_table import find_network
from vggish.networks.pca_postprocessor import Postprocessor, load_postprocessor
from vggish.networks.vggish_network import VGGISH
from vggish.weights import checkpoint
from vggish.weights.download import DownloadProgress
from vggish.weights.published_values import (
    PUBLISHED_POSTPROCESSED,
    ValueComparison,
    compare,
    compare_statistics,
    tone_embedding,
    tone_log_mel,
)

# The ends of the first frame of the tone, as the reference prints them (vggish_smoke_test.py).
_TONE_BANDS = (0, 1, 2, -3, -2, -1)
_TONE_VALUES = (-4.48313252, -4.27083405, -4.17064267, -4.60069383, -4.60098887, -4.60116305)

# Mean of the bytes that the released vggish_pca_params.npz makes of a ramp from -1 to 1.
_RAMP_MEAN = 116.7578125


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
    network: str = VGGISH.name,
) -> InstallationReport:
    """Compares the results of this installation with published values.

    Args:
        checkpoint_choice: Value of `--checkpoint`; None skips the network.
        pca: Path of `vggish_pca_params.npz`; None checks only the quantisation.
        progress: Function that gets the progress of a download.
        network: One of `NETWORKS`.

    Returns:
        All comparisons, and the parts that were not compared.

    Raises:
        CheckpointError: A file is wrong.
        VggishError: The network does not exist, or has no PCA.
    """
    chosen = find_network(network)
    if pca is not None and chosen is not VGGISH:
        raise VggishError(
            f"{chosen.title} has no PCA; leave --pca away, or check {VGGISH.title} with it."
        )
    comparisons = [*_front_end(), _quantisation()]
    unchecked = []
    weights = None
    if checkpoint_choice is None:
        unchecked.append(
            "The network was not checked, because no checkpoint was given: "
            "only the front end and the post-processor were."
        )
    else:
        weights, origin = checkpoint.resolve(checkpoint_choice, progress=progress, network=network)
        if origin == checkpoint.RANDOM:
            weights = None
            unchecked.append(
                "The network was not checked, because random weights have no published values: "
                "only the front end and the post-processor were."
            )
        else:
            comparisons += chosen.compare(weights)
    if chosen is not VGGISH:
        return InstallationReport(tuple(comparisons), tuple(unchecked))
    if pca is None:
        unchecked.append(
            "The PCA was not checked, because vggish_pca_params.npz was not given: "
            "only the quantisation of the post-processor was."
        )
    else:
        postprocessor = load_postprocessor(pca)
        comparisons.append(_pca(postprocessor))
        if weights is not None:
            processed = postprocessor(tf.constant(tone_embedding(weights))).numpy()
            what = "post-processed embedding of the tone"
            comparisons += compare_statistics(what, processed, PUBLISHED_POSTPROCESSED)
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
    return compare("mean of the post-processed ramp", _RAMP_MEAN, found, one_byte)


def _largest(
    what: str, expected: np.ndarray, found: np.ndarray, tolerance: float
) -> ValueComparison:
    where = np.unravel_index(np.abs(found - expected).argmax(), found.shape)
    return compare(what, float(expected[where]), float(found[where]), tolerance)
