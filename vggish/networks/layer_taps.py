"""The layer taps of the networks, the features that a classifier can use, as Keras models.

Every feature is one vector per window. `docs/features.md` describes shapes, orders and uses.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vggish import params
from vggish.networks.network import NUM_MFCC, Feature
from vggish.networks.network_table import find_network

if TYPE_CHECKING:
    import keras


def build_network(
    dtype: str = "float32", up_to: str | None = None, network: str = "vggish"
) -> "keras.Model":
    """Builds a network whose weights are still to be set; see `vggish.weights.weight_arrays`.

    Args:
        dtype: Precision of the layers, `float32` or `bfloat16`; variables, input and output are
            always float32.
        up_to: Last layer to build, one of the network's `layers`; None means the last layer.
        network: One of `NETWORKS`.

    Returns:
        A model from log-mel windows float32 [w, 96, 64] to the last layer's activations, float32:
        [w, time, frequency, channels] of a convolution or pool, [w, units] of a dense layer.

    Raises:
        ValueError: `dtype` or `up_to` is unknown.
        VggishError: The network does not exist.
    """
    import keras

    chosen = find_network(network)
    if dtype not in ("float32", "bfloat16"):
        raise ValueError(f"dtype must be float32 or bfloat16, not {dtype}")
    last = chosen.layers[-1] if up_to is None else up_to
    if last not in chosen.layers:
        raise ValueError(f"there is no layer {last}; the layers are {', '.join(chosen.layers)}")
    policy = "float32" if dtype == "float32" else "mixed_bfloat16"
    shape = (params.NUM_FRAMES, params.NUM_BANDS)
    log_mel = keras.Input(shape, dtype="float32", name="log_mel")
    net = keras.layers.Reshape((*shape, 1), dtype=policy, name="channel")(log_mel)
    for name in chosen.layers[: chosen.layers.index(last) + 1]:
        net = chosen.make_layer(name, policy)(net)
    if policy != "float32":
        net = keras.layers.Activation("linear", dtype="float32", name="float32")(net)
    return keras.Model(log_mel, net, name=network)


def feature_size(name: str, network: str = "vggish") -> int:
    """Returns the numbers per window of a feature.

    Args:
        name: One of the network's `features`.
        network: One of `NETWORKS`.

    Returns:
        The size.

    Raises:
        VggishError: The feature or the network does not exist.
    """
    return find_network(network).find_feature(name).size


def build_features(
    name: str,
    weights: Mapping[str, np.ndarray] | None,
    dtype: str = "float32",
    network: str = "vggish",
) -> "keras.Model":
    """Builds a network up to what a feature needs, and no further.

    Args:
        name: One of the network's `features`.
        weights: Arrays by name; only the needed ones are read. None: they are still to be set.
        dtype: Precision of the network, `float32` or `bfloat16`; statistics over time are
            float32.
        network: One of `NETWORKS`.

    Returns:
        A model from log-mel windows float32 [w, 96, 64] to features float32 [w, size].

    Raises:
        VggishError: The feature or the network does not exist.
    """
    return build_joined_features([name], weights, dtype, network)


def build_joined_features(
    names: Sequence[str],
    weights: Mapping[str, np.ndarray] | None,
    dtype: str = "float32",
    network: str = "vggish",
) -> "keras.Model":
    """Builds a network up to what several features need, and no further.

    Args:
        names: Some of the network's `features`.
        weights: As in `build_features`.
        dtype: As in `build_features`.
        network: One of `NETWORKS`.

    Returns:
        A model from log-mel windows float32 [w, 96, 64] to the features, one after the other,
        float32 [w, sum of their sizes]. Layers that they share are computed once.

    Raises:
        VggishError: A feature or the network does not exist.
    """
    chosen = find_network(network)
    features = [chosen.find_feature(name) for name in names]
    import keras

    from vggish.weights.weight_arrays import apply_weights

    last = max((f.layers[-1] for f in features if f.layers), key=chosen.layers.index, default=None)
    if last is None:
        model = None
        log_mel = keras.Input((params.NUM_FRAMES, params.NUM_BANDS), name="log_mel")
    else:
        model = build_network(dtype, last, network)
        if weights is not None:
            apply_weights(model, weights, network)
        log_mel = model.input
    vectors = [_tap(feature, log_mel, model) for feature in features]
    joined = vectors[0] if len(vectors) == 1 else keras.ops.concatenate(vectors, axis=-1)
    return keras.Model(log_mel, joined, name="_".join(names))


def _tap(feature: Feature, log_mel: Any, model: Any) -> Any:
    """Computes a feature from log-mel windows, or from layers of a network that reads them."""
    from keras import ops

    if not feature.layers:
        return _mfcc_statistics(log_mel) if feature.name == "mfcc" else _flat(log_mel)
    taps = [ops.cast(model.get_layer(layer).output, "float32") for layer in feature.layers]
    return _time_statistics(taps) if feature.name == "fusion" else _flat(taps[0])


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
