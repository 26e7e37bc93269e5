"""What a classifier can hear: the layer taps of VGGish, by the name that the configuration uses.

Every feature is one vector a window. `docs/features.md` has the shapes, the orders and what each is
good for. The table is free of TensorFlow, so that a configuration is checked without loading it.
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
"""Cepstral coefficients of the classical baseline, the zeroth included."""


@dataclass(frozen=True)
class Feature:
    """One layer tap.

    Attributes:
        name: What the configuration calls it.
        shape: Of one window's values, before they are flattened to one vector.
        layers: The network layers that it reads; none when it is made of the log-mel alone.
        description: One line for people.
    """

    name: str
    shape: tuple[int, ...]
    layers: tuple[str, ...]
    description: str

    @property
    def size(self) -> int:
        """Numbers a window."""
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
    """Looks a feature up.

    Args:
        name: One of `FEATURES`.

    Returns:
        The feature.

    Raises:
        VggishError: When there is no such feature; the message suggests one.
    """
    if name in FEATURES:
        return FEATURES[name]
    raise VggishError(f"There are no features {name!r}; {suggest(name, FEATURES)}")


def feature_size(name: str) -> int:
    """Numbers a window of a feature.

    Args:
        name: One of `FEATURES`.

    Returns:
        The size.

    Raises:
        VggishError: When there is no such feature.
    """
    return find_feature(name).size


def build_features(
    name: str, weights: Mapping[str, np.ndarray] | None, dtype: str = "float32"
) -> "keras.Model":
    """Builds the network up to what a feature needs, and no further.

    Args:
        name: One of `FEATURES`.
        weights: Arrays by slim name, of which only the needed ones are read; None leaves the fresh
            Keras values.
        dtype: What the network computes in, `float32` or `bfloat16`. Statistics over time are
        float32.

    Returns:
        A model from log-mel windows float32 [w, 96, 64] to features float32 [w, size].

    Raises:
        VggishError: When there is no such feature.
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

    After Niizumi et al. (2022), arXiv 2205.08138: pooling over time alone keeps at what frequency a
    channel fired, and fusing a middle with a late layer serves speech as well as scenes. They add
    mean and max of conv3_2 and conv4_2; kept apart, the head can weigh them, and behind the pools
    there are half as many numbers for the same accuracy (docs/features.md).
    """
    from keras import ops

    pooled = [_flat(pool(tap, axis=1)) for tap in taps for pool in (ops.mean, ops.max)]
    return ops.concatenate(pooled, axis=-1)


def _mfcc_statistics(log_mel: Any) -> Any:
    """Means and deviations over time of the cepstrum, scaled as HTK does."""
    import keras
    import tensorflow as tf

    coefficients = keras.layers.Lambda(tf.signal.mfccs_from_log_mel_spectrograms)(log_mel)
    coefficients = coefficients[..., :NUM_MFCC]
    mean, deviation = keras.ops.mean(coefficients, axis=1), keras.ops.std(coefficients, axis=1)
    return keras.ops.concatenate([mean, deviation], axis=-1)
