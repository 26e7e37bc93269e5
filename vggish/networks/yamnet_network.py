"""YAMNet, layer for layer the reference (yamnet.py of TensorFlow models, research/audioset/yamnet).

A MobileNet v1 of 3.7 million parameters. Its batch normalisations, which have no scale, are part of
the convolutions before them: the network computes the same, and training keeps their statistics.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from vggish.networks.network import Feature, FrontEnd, Network

if TYPE_CHECKING:
    import keras

    from vggish.weights.published_values import ValueComparison

_BLOCKS = (
    (2, 32), (1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512),
    (1, 512), (1, 512), (1, 512), (1, 512), (1, 512), (2, 1024), (1, 1024),
)  # fmt: skip
"""Stride and channels of each block: a convolution, then depthwise separable ones."""

_EMBEDDING_SIZE = _BLOCKS[-1][1]
_CLASSES = 521
_STRIDE_OF_LAYER = {
    (f"layer{number}_conv" if number == 1 else f"layer{number}_depthwise_conv"): stride
    for number, (stride, _) in enumerate(_BLOCKS, 1)
}

_TAPS = (
    Feature(
        "embedding",
        (_EMBEDDING_SIZE,),
        ("average_pool",),
        "the published 1024-d embedding: the mean of the last map",
    ),
    Feature(
        "layer12",
        (6, 4, 512),
        ("layer12_pointwise_conv",),
        "the last middle map, flattened from [time 6, frequency 4, channels 512]",
    ),
    Feature(
        "layer14",
        (3, 2, 1024),
        ("layer14_pointwise_conv",),
        "the last map, flattened from [time 3, frequency 2, channels 1024]",
    ),
    Feature(
        "fusion",
        (2 * (8 * 256 + 2 * 1024),),
        ("layer6_pointwise_conv", "layer14_pointwise_conv"),
        "mean and max over time of layer6, then of layer14, each flattened from [frequency, "
        "channels]",
    ),
    Feature("scores", (_CLASSES,), ("classes",), "the scores of 521 AudioSet classes, 0 to 1"),
)


def _variables() -> dict[str, dict[str, tuple[int, ...]]]:
    """Lists kernel and bias of each layer, as the release names its layers."""
    kernels: dict[str, tuple[int, ...]] = {}
    channels_in = 1
    for number, (_, channels) in enumerate(_BLOCKS, 1):
        if number == 1:
            kernels["layer1/conv"] = (3, 3, channels_in, channels)
        else:
            kernels[f"layer{number}/depthwise_conv"] = (3, 3, channels_in, 1)
            kernels[f"layer{number}/pointwise_conv"] = (1, 1, channels_in, channels)
        channels_in = channels
    kernels["classes"] = (channels_in, _CLASSES)
    return {
        scope.replace("/", "_"): {
            f"{scope}/kernel": kernel,
            f"{scope}/bias": (kernel[2],) if "depthwise" in scope else kernel[-1:],
        }
        for scope, kernel in kernels.items()
    }


_VARIABLES = _variables()


def _make_layer(name: str, policy: str) -> "keras.layers.Layer":
    from keras import layers

    if name == "average_pool":
        return layers.GlobalAveragePooling2D(dtype=policy, name=name)
    kernel = next(iter(_VARIABLES[name].values()))
    if name == "classes":
        return layers.Dense(kernel[-1], activation="sigmoid", dtype=policy, name=name)
    options = {
        "strides": _STRIDE_OF_LAYER.get(name, 1),
        "padding": "same",
        "activation": "relu",
        "dtype": policy,
        "name": name,
    }
    if "depthwise" in name:
        return layers.DepthwiseConv2D(kernel[:2], **options)
    return layers.Conv2D(kernel[-1], kernel[:2], **options)


def _he_limit(name: str, shape: tuple[int, ...]) -> float:
    """He et al. (2015), equation 10: sqrt(6 / fan in), since all is ReLU; 0 for biases."""
    if name.endswith("/bias"):
        return 0.0
    fan_in = np.prod(shape[:2]) if "depthwise" in name else np.prod(shape[:-1])
    return float(np.sqrt(6.0 / fan_in))


def _load(path: str) -> dict[str, np.ndarray]:
    from vggish.weights.yamnet_files import load_yamnet

    return load_yamnet(path)


def _download(progress: Callable[[int, int | None], None] | None) -> str:
    from vggish.weights.yamnet_files import released_yamnet

    return str(released_yamnet(progress=progress))


def _compare(weights: Mapping[str, np.ndarray]) -> list["ValueComparison"]:
    from vggish.weights.published_values import compare_yamnet

    return compare_yamnet(weights)


def _remark(path: str) -> str:
    return (
        "Most weights of YAMNet's .tflite files are rounded to 8 bits; those of yamnet.h5 are not."
        if path.endswith(".tflite")
        else ""
    )


YAMNET = Network(
    name="yamnet",
    title="YAMNet",
    # params.py and pad_waveform in features.py of the reference.
    front_end=FrontEnd(hop_samples=7_680, log_offset=0.001, pads_the_end=True),
    layers=(*[name for name in _VARIABLES if name != "classes"], "average_pool", "classes"),
    variables=_VARIABLES,
    taps=_TAPS,
    make_layer=_make_layer,
    initial_limit=_he_limit,
    load=_load,
    download=_download,
    compare=_compare,
    remark=_remark,
    weights_hint="the released yamnet.h5, its folder or .tflite file from TensorFlow Hub, a .pth "
    "file of a port, or weights converted from one of them",
)
"""Plakal and Ellis (2019), as released; 3.7 million parameters."""
