"""VGGish's weights in the forms in which people have them.

Google's own are the slim checkpoint and the folder from TensorFlow Hub (`google/vggish/1`). The
ports in PyTorch and Keras were converted from that checkpoint. Their layers are those of the slim
model, with one difference: a ReLU behind the embedding, which has no weights.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vggish.networks.vggish_network import VGGISH
from vggish.weights.checkpoint import load_checkpoint
from vggish.weights.h5_variables import read_h5_variables
from vggish.weights.saved_model_variables import is_saved_model, read_saved_model_variables
from vggish.weights.torch_file import outputs_last, read_torch_file
from vggish.weights.weight_arrays import check_variables

# features: torchvggish/vggish.py of harritaylor/torchvggish, which counts ReLUs and pools, too;
# torch_audioset/vggish/model.py of w-hc/torch_audioset (and of the port torch_vggish_yamnet) has
# the same layers. vggish.py of tcvrick/audioset-vggish-tensorflow-to-pytorch says `fc` for the
# dense layers.
_TORCH_LAYERS = dict(
    zip(VGGISH.variables, ("0", "3", "6", "8", "11", "13", "0", "2", "4"), strict=True)
)
_BESIDE_THE_NETWORK = ("pproc.", "classifier.")
"""What ports hold beside the network: torchvggish its PCA, torch_audioset a classifier."""

# vggish.py of DTaoo/VGGish; beasteers/vggish-keras has its names, forks leave `vggish_` away.
_KERAS_NAME = re.compile(
    r"(?:^|/)(?:vggish_)?(conv\d(?:/conv\d_\d)?|fc\d(?:/fc\d_\d)?)/(kernel|bias)(?::0)?$"
)


def load_vggish(path: str) -> dict[str, np.ndarray]:
    """Reads the weights of a released or ported VGGish.

    Args:
        path: Path of a slim checkpoint, of the folder of TensorFlow Hub's SavedModel, of a PyTorch
            state dict (`.pth`, `.pt`) of the ports named above, or of Keras weights (`.h5`).

    Returns:
        All variables, float32, by slim name.

    Raises:
        CheckpointError: The path does not hold exactly VGGish's weights; the message names all
            differences.
    """
    if is_port(path):
        read = _from_keras if Path(path).suffix == ".h5" else _from_torch
        weights = read(path)
    elif is_saved_model(path):
        weights = {
            name.removesuffix(":0"): values
            for name, values in read_saved_model_variables(path).items()
        }
    else:
        return load_checkpoint(path)
    check_variables({name: array.shape for name, array in weights.items()}, path)
    return {
        name: np.ascontiguousarray(weights[name], np.float32) for name in VGGISH.variable_shapes
    }


def is_port(path: str) -> bool:
    """Returns whether a path names weights of a port in PyTorch or Keras."""
    return Path(path).suffix in {".pth", ".pt", ".h5"}


def _from_torch(path: str) -> dict[str, np.ndarray]:
    """Reads a state dict: convolutions [out, in, height, width], dense layers [out, in].

    The ports move the channels of the last map to the end before they flatten it, so the first
    dense layer takes its inputs in the slim model's order.
    """
    names = _torch_names()
    return {
        names.get(name, name): outputs_last(values)
        for name, values in read_torch_file(path).items()
        if not name.startswith(_BESIDE_THE_NETWORK)
    }


def _torch_names() -> dict[str, str]:
    """Returns the slim name of each of the ports' tensors."""
    names = {}
    for layer, variables in VGGISH.variables.items():
        blocks = ("features",) if layer.startswith("conv") else ("embeddings", "fc")
        for block in blocks:
            for kind, variable in zip(("weight", "bias"), variables, strict=True):
                names[f"{block}.{_TORCH_LAYERS[layer]}.{kind}"] = variable
    return names


def _from_keras(path: str) -> dict[str, np.ndarray]:
    """Reads Keras weights, whose axes and flattening are TensorFlow's."""
    kinds: Mapping[str, str] = {"kernel": "weights", "bias": "biases"}
    found = {}
    for name, values in read_h5_variables(path).items():
        match = _KERAS_NAME.search(name)
        found[f"vggish/{match[1]}/{kinds[match[2]]}" if match else name] = values
    return found
