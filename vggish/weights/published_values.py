"""Published results of the released networks for known sounds.

Sources: for VGGish, `vggish_smoke_test.py` of the reference release, which gives values to three
significant digits and tolerates 10%; for YAMNet, `yamnet_test.py`, which asks for a class among the
ten highest scores of each of three sounds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from vggish import params
from vggish.errors import CheckpointError
from vggish.networks.layer_taps import build_features
from vggish.networks.log_mel import log_mel_from_windows, windows_from_waveform
from vggish.networks.yamnet_network import YAMNET

RELATIVE_TOLERANCE = 0.01
"""Ten times the rounding of the published values, a tenth of what the reference tolerates."""


_TOP = 10
_SILENCE, _SINE_WAVE, _WHITE_NOISE = 494, 495, 514  # yamnet_class_map.csv of the reference.


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


def compare(what: str, expected: float, found: float, tolerance: float) -> ValueComparison:
    """Compares one value."""
    return ValueComparison(what, expected, found, abs(found - expected), tolerance)


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


def compare_statistics(
    what: str, values: np.ndarray, published: EmbeddingStatistics
) -> list[ValueComparison]:
    """Compares mean and deviation of an array with published ones."""
    found = EmbeddingStatistics.of(values)
    return [
        compare(f"{name} of the {what}", expected, value, RELATIVE_TOLERANCE * abs(expected))
        for name, expected, value in (
            ("mean", published.mean, found.mean),
            ("deviation", published.std, found.std),
        )
    ]


def compare_vggish(
    weights: Mapping[str, np.ndarray], expected: EmbeddingStatistics = PUBLISHED_EMBEDDING
) -> list[ValueComparison]:
    """Compares what a VGGish gives for a 1 kHz tone with the published values.

    Args:
        weights: All variables by slim name.
        expected: Statistics of the tone's embedding.
    """
    return compare_statistics("embedding of the tone", tone_embedding(weights), expected)


def compare_yamnet(weights: Mapping[str, np.ndarray]) -> list[ValueComparison]:
    """Compares what a YAMNet hears in three sounds with what the released one hears.

    Args:
        weights: All variables by name.

    Returns:
        The rank, from 1, of the expected class among the mean scores of each sound.
    """
    model = build_features("scores", weights, network=YAMNET.name)
    seconds = np.arange(0, 3, 1 / params.SAMPLE_RATE)
    noise = np.random.RandomState(51_773).uniform(-1.0, 1.0, seconds.size)
    sounds = {
        ("Silence in silence", _SILENCE): np.zeros_like(seconds),
        ("White noise in noise", _WHITE_NOISE): noise,
        ("Sine wave in a sine", _SINE_WAVE): np.sin(2 * np.pi * 440 * seconds),
    }
    comparisons = []
    for (what, expected), samples in sounds.items():
        waveform = tf.constant(samples[np.newaxis], tf.float32)
        windows = windows_from_waveform(waveform, front_end=YAMNET.front_end).values
        scores = model(log_mel_from_windows(windows, YAMNET.front_end)).numpy().mean(axis=0)
        rank = 1 + int((scores > scores[expected]).sum())
        comparisons.append(compare(f"rank of the class {what}", 1, rank, _TOP - 1))
    return comparisons


def prove(comparisons: Sequence[ValueComparison]) -> None:
    """Checks that a network gives the published values of the released one.

    Args:
        comparisons: What `compare_vggish` or `compare_yamnet` returns.

    Raises:
        CheckpointError: A value differs; the message names it.
    """
    wrong = [item for item in comparisons if not item.passed]
    if wrong:
        values = "; ".join(f"{w.what} is {w.found:.3g} instead of {w.expected:.3g}" for w in wrong)
        raise CheckpointError(f"It is not the released network: {values}.")
