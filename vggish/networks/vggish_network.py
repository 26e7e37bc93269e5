"""VGGish, layer for layer the reference's slim model (vggish_slim.py)."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from vggish import params
from vggish.networks.network import Feature, FrontEnd, Network

if TYPE_CHECKING:
    import keras

    from vggish.weights.published_values import ValueComparison

_LAYERS = (
    "conv1", "pool1", "conv2", "pool2", "conv3_1", "conv3_2", "pool3", "conv4_1", "conv4_2",
    "pool4", "flatten", "fc1_1", "fc1_2", "fc2",
)  # fmt: skip

_TAPS = (
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
)


def _scope(layer: str) -> str:
    """Returns a layer's slim scope; repeated layers are nested, as in `vggish/conv3/conv3_1`."""
    block = layer.partition("_")[0]
    return f"vggish/{layer}" if block == layer else f"vggish/{block}/{layer}"


def _variables() -> dict[str, dict[str, tuple[int, ...]]]:
    """Lists the slim model's 18 variables by layer."""
    kernels: dict[str, tuple[int, ...]] = {}
    channels_in = 1
    for layer, channels in params.CONVOLUTION_CHANNELS.items():
        kernels[layer] = (3, 3, channels_in, channels)
        channels_in = channels
    units_in = int(np.prod(params.POOL4_SHAPE))
    for layer, units in params.DENSE_UNITS.items():
        kernels[layer] = (units_in, units)
        units_in = units
    return {
        layer: {f"{_scope(layer)}/weights": kernel, f"{_scope(layer)}/biases": kernel[-1:]}
        for layer, kernel in kernels.items()
    }


def _make_layer(name: str, policy: str) -> "keras.layers.Layer":
    """All convolutions are 3x3, stride 1, `same`, ReLU; all pools are 2x2, stride 2, `same`.

    `fc2` has no activation, like the published embedding.
    """
    from keras import layers

    # The weights are set afterwards; 72 million random numbers would be drawn for nothing.
    options = {"kernel_initializer": "zeros", "dtype": policy, "name": name}
    if name in params.CONVOLUTION_CHANNELS:
        channels = params.CONVOLUTION_CHANNELS[name]
        return layers.Conv2D(channels, 3, padding="same", activation="relu", **options)
    if name in params.DENSE_UNITS:
        activation = None if name == "fc2" else "relu"
        return layers.Dense(params.DENSE_UNITS[name], activation=activation, **options)
    if name == "flatten":
        return layers.Flatten(dtype=policy, name=name)
    return layers.MaxPooling2D(2, padding="same", dtype=policy, name=name)


def _glorot_limit(name: str, shape: tuple[int, ...]) -> float:
    """Glorot and Bengio (2010), equation 16: sqrt(6 / (fan in + fan out)); 0 for biases."""
    if name.endswith("/biases"):
        return 0.0
    receptive_field = int(np.prod(shape[:-2]))
    return float(np.sqrt(6.0 / (receptive_field * (shape[-2] + shape[-1]))))


def _load(path: str) -> dict[str, np.ndarray]:
    from vggish.weights.vggish_files import load_vggish

    return load_vggish(path)


def _download(progress: Callable[[int, int | None], None] | None) -> str:
    from vggish.weights.checkpoint import released_checkpoint

    return str(released_checkpoint(progress=progress))


def _compare(weights: Mapping[str, np.ndarray]) -> list["ValueComparison"]:
    from vggish.weights.published_values import compare_vggish

    return compare_vggish(weights)


def _remark(path: str) -> str:
    from vggish.weights.vggish_files import is_port

    if not is_port(path):
        return ""
    return (
        "The ports of VGGish in PyTorch and Keras put a ReLU behind the embedding; Google's "
        "network does not, and neither does this one, so its embedding has negative numbers."
    )


VGGISH = Network(
    name="vggish",
    title="VGGish",
    front_end=FrontEnd(),
    layers=_LAYERS,
    variables=_variables(),
    taps=_TAPS,
    make_layer=_make_layer,
    initial_limit=_glorot_limit,
    load=_load,
    download=_download,
    compare=_compare,
    remark=_remark,
    weights_hint="the released vggish_model.ckpt, its folder from TensorFlow Hub, a .pth or .h5 "
    "file of a port, or weights converted from one of them",
)
"""Hershey et al. (2017), as released; 72 million parameters."""
