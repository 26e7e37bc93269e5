"""The layer taps of VGGish, the features that a classifier can use, by name.

Every feature is one vector per window. `docs/features.md` describes shapes, orders and uses. The
table needs no TensorFlow, so that a configuration is checked without loading it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vggish import params
from vggish.errors import VggishError
from vggish.suggestions import suggest

if TYPE_CHECKING:
    import keras

NUM_MFCC = 20
"""Number of cepstral coefficients, including the zeroth."""


@dataclass(frozen=True)
class Feature:
    """One layer tap.

    Attributes:
        name: Name in the configuration.
        shape: Shape of one window's values, before they are flattened to one vector.
        layers: Names of the network layers that it reads; empty if it needs only the log-mel.
        description: One line for users.
    """

    name: str
    shape: tuple[int, ...]
    layers: tuple[str, ...]
    description: str

    @property
    def size(self) -> int:
        """Numbers per window."""
        return math.prod(self.shape)


_FEATURES = (
    Feature(
        "embedding",
        (params.EMBEDDING_SIZE,),
        ("fc2",),
        "the published 128-d embedding, before any activation",
    ),
    Feature("fc1", (params.DENSE_UNITS["fc1_2"],), ("fc1_2",), "the second hidden dense layer"),
    Feature(
        "pool4",
        params.POOL4_SHAPE,
        ("pool4",),
        "the last convolutional map, flattened from [time 6, frequency 4, channels 512]",
    ),
    Feature(
        "fusion",
        (2 * (8 * 256 + 4 * 512),),
        ("pool3", "pool4"),
        "mean and max over time of pool3, then of pool4, each flattened from [frequency, channels]",
    ),
    Feature(
        "log_mel",
        (params.NUM_FRAMES, params.NUM_BANDS),
        (),
        "the network's input, flattened from [time 96, band 64]",
    ),
    Feature(
        "mfcc",
        (2 * NUM_MFCC,),
        (),
        f"means over time of {NUM_MFCC} cepstral coefficients, then their standard deviations",
    ),
)
FEATURES: dict[str, Feature] = {feature.name: feature for feature in _FEATURES}
"""Every layer tap by its name."""


def find_feature(name: str) -> Feature:
    """Finds a feature by name.

    Args:
        name: One of `FEATURES`.

    Returns:
        The feature.

    Raises:
        VggishError: The feature does not exist; the message suggests one.
    """
    if name in FEATURES:
        return FEATURES[name]
    raise VggishError(f"There are no features {name!r}; {suggest(name, FEATURES)}")


def feature_size(name: str) -> int:
    """Returns the numbers per window of a feature.

    Args:
        name: One of `FEATURES`.

    Returns:
        The size.

    Raises:
        VggishError: The feature does not exist.
    """
    return find_feature(name).size


def build_features(
    name: str, weights: Mapping[str, np.ndarray] | None, dtype: str = "float32"
) -> "keras.Model":
    """Builds the network up to what a feature needs, and no further.

    Args:
        name: One of `FEATURES`.
        weights: Arrays by slim name; only the needed ones are read. None keeps the initial Keras
            values.
        dtype: Precision of the network, `float32` or `bfloat16`; statistics over time are
            float32.

    Returns:
        A model from log-mel windows float32 [w, 96, 64] to features float32 [w, size].

    Raises:
        VggishError: The feature does not exist.
    """
    feature = find_feature(name)
    import keras

    from vggish.networks.vggish_network import build_network
    from vggish.weights.slim_weights import apply_weights

    if not feature.layers:
        log_mel = keras.Input((params.NUM_FRAMES, params.NUM_BANDS), name="log_mel")
        vectors = _mfcc_statistics(log_mel) if name == "mfcc" else _flat(log_mel)
        return keras.Model(log_mel, vectors, name=name)
    network = build_network(dtype, up_to=feature.layers[-1])
    if weights is not None:
        apply_weights(network, weights)
    taps = [keras.ops.cast(network.get_layer(n).output, "float32") for n in feature.layers]
    vectors = _time_statistics(taps) if name == "fusion" else _flat(taps[0])
    return keras.Model(network.input, vectors, name=name)


def _flat(tensor: Any) -> Any:
    from keras import ops

    return ops.reshape(tensor, (-1, math.prod(tensor.shape[1:])))


def _time_statistics(taps: list[Any]) -> Any:
    """Mean and max over time of each [w, time, frequency, channels], one after the other.

    After Niizumi et al. (2022), arXiv 2205.08138: pooling over time only keeps the frequency at
    which a channel fired, and a middle with a late layer serves speech as well as scenes. They add
    mean and max of conv3_2 and conv4_2; here they are separate, so that the head can weigh them,
    and after the pools half as many numbers give the same accuracy (docs/features.md).
    """
    from keras import ops

    pooled = [_flat(pool(tap, axis=1)) for tap in taps for pool in (ops.mean, ops.max)]
    return ops.concatenate(pooled, axis=-1)


def _mfcc_statistics(log_mel: Any) -> Any:
    """Means and deviations over time of the cepstrum, scaled like `tf.signal` and HTK.

    A matrix, since the transform of `tf.signal` fails on an empty batch.
    """
    from keras import ops
    from scipy.fft import dct

    basis = dct(np.eye(params.NUM_BANDS))[:, :NUM_MFCC] / np.sqrt(2 * params.NUM_BANDS)
    coefficients = ops.matmul(log_mel, basis.astype(np.float32))
    return ops.concatenate([ops.mean(coefficients, axis=1), ops.std(coefficients, axis=1)], axis=-1)
