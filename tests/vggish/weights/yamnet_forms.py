"""The forms in which YAMNet's weights are released, written from seeded values.

Batch normalisation is apart from its convolution in them, as YAMNet was trained. The `.tflite` file
is made by TensorFlow's own converter.
"""

from pathlib import Path

import h5py
import keras
import numpy as np
import tensorflow as tf
from torch_forms import tensors, write_torch

from vggish.networks.yamnet_network import YAMNET

EPSILON = 1e-4


def trained_variables(seed: int) -> dict[str, np.ndarray]:
    """Returns variables by the names that the reference's Keras model gives them."""
    rng = np.random.default_rng(seed)
    variables = {}
    for name, shape in YAMNET.variable_shapes.items():
        scope, _, kind = name.rpartition("/")
        if scope == "classes":
            limit = 0.05 if kind == "kernel" else 0.5
            variables[f"dense/{kind}"] = rng.uniform(-limit, limit, shape)
        elif kind == "kernel":
            limit = YAMNET.initial_limit(name, shape)
            depthwise = "depthwise_" * ("depthwise" in scope)
            variables[f"{scope}/{depthwise}kernel"] = rng.uniform(-limit, limit, shape)
            channels = shape[2] if depthwise else shape[-1]
            variables[f"{scope}/bn/beta"] = rng.normal(0, 0.1, channels)
            variables[f"{scope}/bn/moving_mean"] = rng.normal(0, 0.1, channels)
            variables[f"{scope}/bn/moving_variance"] = rng.uniform(0.5, 1.5, channels)
    return {name: values.astype(np.float32) for name, values in variables.items()}


def reference_network(variables: dict[str, np.ndarray]) -> keras.Model:
    """Builds YAMNet as the reference does, with batch normalisation, from log-mel to scores."""
    net = inputs = keras.Input((96, 64))
    net = keras.layers.Reshape((96, 64, 1))(net)
    strides = dict(enumerate((2, 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1), 1))
    for layer in YAMNET.layers[:-2]:
        block, _, kind = layer.partition("_")
        scope = f"{block}/{kind}"
        stride = 1 if kind == "pointwise_conv" else strides[int(block[5:])]
        options = {"strides": stride, "padding": "same", "use_bias": False}
        if kind == "depthwise_conv":
            kernel = variables[f"{scope}/depthwise_kernel"]
            convolution = keras.layers.DepthwiseConv2D(3, **options)
        else:
            kernel = variables[f"{scope}/kernel"]
            convolution = keras.layers.Conv2D(kernel.shape[-1], kernel.shape[:2], **options)
        normalisation = keras.layers.BatchNormalization(scale=False, epsilon=EPSILON)
        net = keras.layers.ReLU()(normalisation(convolution(net)))
        convolution.set_weights([kernel])
        moments = ("beta", "moving_mean", "moving_variance")
        normalisation.set_weights([variables[f"{scope}/bn/{name}"] for name in moments])
    embedding = keras.layers.GlobalAveragePooling2D()(net)
    classifier = keras.layers.Dense(521, activation="sigmoid")
    scores = classifier(embedding)
    classifier.set_weights([variables["dense/kernel"], variables["dense/bias"]])
    return keras.Model(inputs, [embedding, scores])


def write_h5(path: Path, variables: dict[str, np.ndarray]) -> None:
    """Writes weights as `Model.save_weights` of Keras 2 does."""
    with h5py.File(path, "w") as archive:
        layers = sorted({name.rpartition("/")[0] for name in variables})
        archive.attrs["layer_names"] = [layer.encode() for layer in layers]
        for layer in layers:
            names = [name for name in variables if name.rpartition("/")[0] == layer]
            group = archive.require_group(layer)
            group.attrs["weight_names"] = [f"{name}:0".encode() for name in names]
            for name in names:
                group[f"{name}:0"] = variables[name]


def write_pth(path: Path, variables: dict[str, np.ndarray]) -> None:
    """Writes the state dict of w-hc/torch_audioset, which was converted from these variables."""
    state = {}
    for name, values in variables.items():
        scope, _, kind = name.rpartition("/")
        if scope == "dense":
            state[f"classifier.{'weight' if kind == 'kernel' else kind}"] = values.T
            continue
        layer, block, *_ = scope.split("/")
        block = f"{layer}.{'fused' if block == 'conv' else block}"
        if kind == "kernel":
            state[f"{block}.conv.weight"] = values.transpose(3, 2, 0, 1)
        elif kind == "depthwise_kernel":
            state[f"{block}.conv.weight"] = values.transpose(2, 3, 0, 1)
        else:
            part = {"beta": "bias", "moving_mean": "running_mean"}.get(kind, "running_var")
            state[f"{block}.bn.{part}"] = values
            state[f"{block}.bn.weight"] = np.ones_like(values)
            state[f"{block}.bn.num_batches_tracked"] = np.array(0, np.int64)
    write_torch(path, tensors(state))


class Released(tf.Module):
    """The module of the reference's export.py, without its front end."""

    def __init__(self, variables: dict[str, np.ndarray]):
        super().__init__()
        self.yamnet = [tf.Variable(values, name=name) for name, values in variables.items()]

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
    def __call__(self, factor: tf.Tensor) -> tf.Tensor:
        return factor * self.yamnet[0]


def write_saved_model(folder: Path, variables: dict[str, np.ndarray]) -> None:
    """Writes a SavedModel whose variables have the released names."""
    tf.saved_model.save(Released(variables), str(folder))
