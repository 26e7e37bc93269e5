"""YAMNet's weights in the forms in which Google released them, and of a port in PyTorch.

A `.tflite` file holds them as they are here, batch normalisation in the convolutions, but most
of them in 8 bits. The other forms hold them as they were trained.
"""

import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from vggish.errors import CheckpointError
from vggish.networks.yamnet_network import YAMNET
from vggish.weights.download import DownloadProgress, cache_folder, download
from vggish.weights.file_content import read_content
from vggish.weights.h5_variables import read_h5_variables
from vggish.weights.published_values import compare_yamnet, prove
from vggish.weights.saved_model_variables import is_saved_model, read_saved_model_variables
from vggish.weights.torch_file import outputs_last, read_torch_file
from vggish.weights.weight_arrays import check_variables

YAMNET_URL = "https://storage.googleapis.com/audioset/yamnet.h5"

_BATCH_NORM_EPSILON = 1e-4  # params.py of the reference.
_TRAINED_NAME = re.compile(
    r"(layer\d+/(?:depthwise_|pointwise_)?conv)/(?:bn/)?"
    r"(kernel|depthwise_kernel|gamma|beta|moving_mean|moving_variance)(?::0)?$"
)

# torch_audioset/yamnet/model.py of w-hc/torch_audioset, and of the port torch_vggish_yamnet.
_TORCH_NAME = re.compile(r"(layer\d+)\.(fused|depthwise_conv|pointwise_conv)\.(.+)")
_TORCH_KINDS = {
    "conv.weight": "kernel",
    "bn.weight": "gamma",
    "bn.bias": "beta",
    "bn.running_mean": "moving_mean",
    "bn.running_var": "moving_variance",
}


def load_yamnet(path: str) -> dict[str, np.ndarray]:
    """Reads the weights of a released YAMNet.

    Args:
        path: Path of `yamnet.h5`, of an official `.tflite` file, of the folder of a SavedModel as
            TensorFlow Hub gives it, or of the state dict (`.pth`, `.pt`) of a port in PyTorch.

    Returns:
        All variables, float32, by name. Those of a `.tflite` file are dequantised.

    Raises:
        CheckpointError: There is no such file, or it does not hold YAMNet.
    """
    readers: dict[str, Callable[[str], dict[str, np.ndarray]]] = {
        ".tflite": _read_tflite,
        ".h5": _read_h5,
        ".pth": _read_torch,
        ".pt": _read_torch,
    }
    suffix = Path(path).suffix
    if is_saved_model(path):
        weights = _folded(read_saved_model_variables(path), path)
    elif suffix not in readers:
        raise CheckpointError(f"{path} is no form of YAMNet's weights; give {YAMNET.weights_hint}.")
    else:
        weights = readers[suffix](path)
    check_variables({name: array.shape for name, array in weights.items()}, path, YAMNET.name)
    return weights


def released_yamnet(progress: DownloadProgress | None = None) -> Path:
    """Downloads `yamnet.h5` and verifies its network on known sounds.

    Args:
        progress: Function that gets the progress of the download.

    Returns:
        The path of the verified file.

    Raises:
        CheckpointError: The download fails, or the network hears other classes.
    """
    return download(
        YAMNET_URL,
        cache_folder(),
        lambda path: prove(compare_yamnet(_read_h5(str(path)))),
        progress,
    )


def _read_tflite(path: str) -> dict[str, np.ndarray]:
    """Reads and dequantises the weights of a TFLite graph, by name and shape."""
    content = read_content(path)
    try:
        with warnings.catch_warnings():
            # TensorFlow announces a package that would replace its interpreter.
            warnings.simplefilter("ignore", UserWarning)
            interpreter = tf.lite.Interpreter(
                model_content=content,
                experimental_op_resolver_type=(
                    tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
                ),
            )
    except ValueError as error:
        raise CheckpointError(
            f"{path} is not a TFLite model; give {YAMNET.weights_hint}."
        ) from error
    tensors = interpreter.get_tensor_details()
    weights = {}
    for name, shape in YAMNET.variable_shapes.items():
        scope, _, kind = name.rpartition("/")
        for tensor in tensors:
            if tuple(tensor["shape"]) == _tflite_shape(name, shape) and (
                # The last layer's bias has a number for a name in some files.
                f"/{scope}/" in tensor["name"].partition(";")[0] or scope == "classes"
            ):
                values = _dequantised(interpreter.get_tensor(tensor["index"]), tensor)
                weights[name] = values if kind == "bias" else _channels_last(values, shape)
                break
    return weights


def _tflite_shape(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Returns a variable's shape in TFLite: channels out, height, width, channels in."""
    if name.endswith("/bias"):
        return shape
    if "depthwise" in name:
        return (1, *shape[:3])
    return (shape[-1], *shape[:-1])


def _channels_last(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Returns a kernel of TFLite in Keras's order: height, width, channels in, channels out."""
    return np.ascontiguousarray(np.moveaxis(values, 0, -1)).reshape(shape)


def _dequantised(values: np.ndarray, tensor: Mapping) -> np.ndarray:
    """Returns (values - zero point) * scale, per channel or per tensor, as float32."""
    quantisation = tensor["quantization_parameters"]
    if not quantisation["scales"].size:
        return values.astype(np.float32)
    shape = [1] * values.ndim
    if quantisation["scales"].size > 1:
        shape[quantisation["quantized_dimension"]] = -1
    zero_points = quantisation["zero_points"].reshape(shape)
    return ((values.astype(np.int32) - zero_points) * quantisation["scales"].reshape(shape)).astype(
        np.float32
    )


def _read_h5(path: str) -> dict[str, np.ndarray]:
    return _folded(read_h5_variables(path), path)


def _read_torch(path: str) -> dict[str, np.ndarray]:
    variables = {}
    for name, values in read_torch_file(path).items():
        kernel = outputs_last(values)
        match = _TORCH_NAME.match(name)
        if match is None:
            variables[name] = kernel  # The classifier is found by its shape.
        elif match[3] in _TORCH_KINDS:
            # Groups of one channel: [height, width, 1, channels].
            kernel = kernel.swapaxes(-1, -2) if "depthwise" in name and kernel.ndim > 1 else kernel
            layer, block = match[1], match[2].replace("fused", "conv")
            variables[f"{layer}/{block}/{_TORCH_KINDS[match[3]]}"] = kernel
    return _folded(variables, path)


def _folded(variables: Mapping[str, np.ndarray], path: str) -> dict[str, np.ndarray]:
    """Moves every batch normalisation into the convolution before it.

    The normalisation is gamma * (x - mean) / sqrt(variance + epsilon) + beta; gamma is 1 if it is
    not there.
    """
    trained: dict[str, dict[str, np.ndarray]] = {}
    weights: dict[str, np.ndarray] = {}
    for name, values in variables.items():
        match = _TRAINED_NAME.search(name)
        if match:
            trained.setdefault(match[1], {})[match[2].removeprefix("depthwise_")] = values
        # The classifier's layer has several names among the releases.
        for variable in ("classes/kernel", "classes/bias"):
            if values.shape == YAMNET.variable_shapes[variable]:
                weights[variable] = values.astype(np.float32)
    for scope, parts in trained.items():
        missing = {"kernel", "beta", "moving_mean", "moving_variance"} - parts.keys()
        if missing:
            raise CheckpointError(
                f"{path} has no {', '.join(sorted(missing))} of YAMNet's {scope}; give "
                f"{YAMNET.weights_hint}."
            )
        variance = parts["moving_variance"].astype(np.float64)
        factor = parts.get("gamma", 1) / np.sqrt(variance + _BATCH_NORM_EPSILON)
        by_channel = factor[:, np.newaxis] if "depthwise" in scope else factor
        weights[f"{scope}/kernel"] = (parts["kernel"] * by_channel).astype(np.float32)
        weights[f"{scope}/bias"] = (parts["beta"] - parts["moving_mean"] * factor).astype(
            np.float32
        )
    return weights
