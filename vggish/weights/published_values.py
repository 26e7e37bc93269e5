"""Published results of the released network for a known sound.

Source of the sound and of the values: `vggish_smoke_test.py` of the reference release, which gives
them to three significant digits and tolerates 10%.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from vggish import params
from vggish.errors import CheckpointError
from vggish.networks.layer_taps import build_features
from vggish.networks.log_mel import log_mel_from_windows, windows_from_waveform

RELATIVE_TOLERANCE = 0.01
"""Ten times the rounding of the published values, a tenth of what the reference tolerates."""


@dataclass(frozen=True)
class EmbeddingStatistics:
    """Mean and standard deviation of all values of an array."""

    mean: float
    std: float

    @classmethod
    def of(cls, values: np.ndarray) -> "EmbeddingStatistics":
        """Computes the statistics of an array."""
        values = values.astype(np.float64)
        return cls(float(values.mean()), float(values.std()))


PUBLISHED_EMBEDDING = EmbeddingStatistics(mean=0.000657, std=0.343)
PUBLISHED_POSTPROCESSED = EmbeddingStatistics(mean=126.0, std=89.3)


def tone_log_mel(dtype: tf.DType = tf.float64) -> tf.Tensor:
    """Returns the log-mel, float32 [3, 96, 64], of 3 s of a full-scale 1 kHz sine.

    Args:
        dtype: Precision, float32 or float64.
    """
    seconds = np.arange(0, 3, 1 / params.SAMPLE_RATE)
    tone = tf.constant(np.sin(2 * np.pi * 1_000 * seconds)[np.newaxis], dtype)
    return log_mel_from_windows(windows_from_waveform(tone).values)


def tone_embedding(weights: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns the network's embedding of the tone, float32 [3, 128]."""
    embedding: np.ndarray = build_features("embedding", weights)(tone_log_mel()).numpy()
    return embedding


def prove_released(
    weights: Mapping[str, np.ndarray], expected: EmbeddingStatistics = PUBLISHED_EMBEDDING
) -> None:
    """Checks that weights give the published values of the released network.

    Args:
        weights: All variables by slim name.
        expected: Statistics of the tone's embedding.

    Raises:
        CheckpointError: The weights give other values.
    """
    found = EmbeddingStatistics.of(tone_embedding(weights))
    if not np.allclose(
        [found.mean, found.std], [expected.mean, expected.std], rtol=RELATIVE_TOLERANCE, atol=0
    ):
        raise CheckpointError(
            f"the network gives a 1 kHz tone an embedding of mean {found.mean:.6f} and deviation "
            f"{found.std:.3f} instead of {expected.mean:.6f} and {expected.std:.3f}, "
            "so it is not the released VGGish."
        )
