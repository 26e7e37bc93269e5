"""The VGGish network in Keras 3, layer for layer the reference's slim model (vggish_slim.py)."""

import keras

from vggish import params

LAYER_NAMES = (
    "conv1", "pool1", "conv2", "pool2", "conv3_1", "conv3_2", "pool3", "conv4_1", "conv4_2",
    "pool4", "fc1_1", "fc1_2", "fc2",
)  # fmt: skip
"""Names of the layers, in order."""


def build_network(dtype: str = "float32", up_to: str | None = None) -> keras.Model:
    """Builds VGGish with initial Keras weights; `vggish.weights.slim_weights` sets others.

    All convolutions are 3x3, stride 1, `same`, ReLU; all pools are 2x2, stride 2, `same`. `fc2` has
    no activation, like the published embedding.

    Args:
        dtype: Precision of the layers, `float32` or `bfloat16`; variables, input and output are
            always float32.
        up_to: Last layer to build, one of `LAYER_NAMES`; None means `fc2`, the embedding.

    Returns:
        A model from log-mel windows float32 [w, 96, 64] to the last layer's activations, float32:
        [w, time, frequency, channels] of a convolution or pool, [w, units] of a dense layer.

    Raises:
        ValueError: `dtype` or `up_to` is unknown.
    """
    if dtype not in ("float32", "bfloat16"):
        raise ValueError(f"dtype must be float32 or bfloat16, not {dtype}")
    last = LAYER_NAMES[-1] if up_to is None else up_to
    if last not in LAYER_NAMES:
        raise ValueError(f"there is no layer {last}; the layers are {', '.join(LAYER_NAMES)}")
    policy = "float32" if dtype == "float32" else "mixed_bfloat16"
    log_mel = keras.Input((params.NUM_FRAMES, params.NUM_BANDS), dtype="float32", name="log_mel")
    net = keras.layers.Reshape(
        (params.NUM_FRAMES, params.NUM_BANDS, 1), dtype=policy, name="channel"
    )(log_mel)
    for name in LAYER_NAMES[: LAYER_NAMES.index(last) + 1]:
        if name == "fc1_1":
            net = keras.layers.Flatten(dtype=policy, name="flatten")(net)
        net = _layer(name, policy)(net)
    if policy != "float32":
        net = keras.layers.Activation("linear", dtype="float32", name="float32")(net)
    return keras.Model(log_mel, net, name="vggish")


def _layer(name: str, policy: str) -> keras.layers.Layer:
    if name in params.CONVOLUTION_CHANNELS:
        return keras.layers.Conv2D(
            params.CONVOLUTION_CHANNELS[name],
            3,
            padding="same",
            activation="relu",
            dtype=policy,
            name=name,
        )
    if name in params.DENSE_UNITS:
        activation = None if name == "fc2" else "relu"
        return keras.layers.Dense(
            params.DENSE_UNITS[name], activation=activation, dtype=policy, name=name
        )
    return keras.layers.MaxPooling2D(2, padding="same", dtype=policy, name=name)
