"""YAMNet's weights from each form of the release, and what the official files compute."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as tflite
from tensorflow.lite.tools import flatbuffer_utils
from yamnet_forms import (
    reference_network,
    trained_variables,
    write_h5,
    write_pth,
    write_saved_model,
)

from vggish.audio.decoding import decode
from vggish.errors import CheckpointError
from vggish.networks.layer_taps import build_features
from vggish.networks.log_mel import log_mel_from_windows
from vggish.networks.yamnet_network import YAMNET
from vggish.weights.checkpoint import resolve
from vggish.weights.published_values import compare_yamnet, prove
from vggish.weights.weight_arrays import random_weights, save_weights
from vggish.weights.yamnet_files import load_yamnet

DEQUANTIZE = tflite.BuiltinOperator.DEQUANTIZE
CONVOLUTIONS = (tflite.BuiltinOperator.CONV_2D, tflite.BuiltinOperator.DEPTHWISE_CONV_2D)
LOG_MEL = np.random.default_rng(0).normal(-2.0, 1.5, (3, 96, 64)).astype(np.float32)


@pytest.fixture(scope="module")
def trained() -> dict[str, np.ndarray]:
    return trained_variables(0)


def outputs(weights: dict[str, np.ndarray], log_mel: np.ndarray) -> list[np.ndarray]:
    """Returns embedding and scores."""
    return [
        build_features(name, weights, network="yamnet")(log_mel).numpy()
        for name in ("embedding", "scores")
    ]


@pytest.mark.parametrize(
    ("name", "write"),
    [("yamnet.h5", write_h5), ("yamnet", write_saved_model), ("yamnet.pth", write_pth)],
)
def test_trained_forms_compute_what_the_reference_does(name, write, trained, tmp_path) -> None:
    write(tmp_path / name, trained)
    weights, origin = resolve(str(tmp_path / name), network="yamnet")
    assert len(origin) == 64
    expected = reference_network(trained)(LOG_MEL)
    for found, values in zip(outputs(weights, LOG_MEL), expected, strict=True):
        assert values.numpy().std() > 0.01  # Not silent.
        np.testing.assert_allclose(found, values, rtol=1e-4, atol=1e-5)


def test_a_float_tflite_file_is_read_bit_for_bit(tmp_path) -> None:
    weights = random_weights(3, "yamnet")
    write_tflite(tmp_path / "yamnet.tflite", weights)
    found = load_yamnet(str(tmp_path / "yamnet.tflite"))
    assert found.keys() == weights.keys()
    for name, values in weights.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def write_tflite(path: Path, weights: dict[str, np.ndarray]) -> None:
    """Writes the constants of a TFLite file with the names and orders of the released ones."""
    model = tflite.ModelT()
    model.version = 3
    model.buffers = [tflite.BufferT()]
    graph = tflite.SubGraphT()
    graph.tensors, graph.inputs, graph.outputs, graph.operators = [], [], [], []
    for name, values in weights.items():
        scope, _, kind = name.rpartition("/")
        stored = values if kind == "bias" else np.moveaxis(values, -1, 0)
        tensor, buffer = tflite.TensorT(), tflite.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(stored).tobytes(), np.uint8)
        tensor.name, tensor.shape = f"yamnet_frames/{scope}/bn".encode(), list(stored.shape)
        tensor.type, tensor.buffer = tflite.TensorType.FLOAT32, len(model.buffers)
        model.buffers.append(buffer)
        graph.tensors.append(tensor)
    model.subgraphs = [graph]
    path.write_bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def test_what_is_no_yamnet_is_refused(tmp_path, trained) -> None:
    sound = tmp_path / "sound.tflite"
    sound.write_bytes(b"RIFF" + bytes(100))
    other = tmp_path / "other.tflite"
    write_tflite(other, {"block1/conv/kernel": np.zeros((3, 3, 1, 8), np.float32)})
    text = tmp_path / "text.h5"
    text.write_text("not HDF5")
    half = tmp_path / "half.h5"
    write_h5(half, {n: v for n, v in trained.items() if n != "layer9/pointwise_conv/bn/beta"})
    vggish = tmp_path / "vggish.npz"
    save_weights(random_weights(0), vggish)
    for path, said in {
        sound: "is not a TFLite model",
        other: "holds no variable of YAMNet",
        text: "is not an HDF5 file",
        half: "has no beta of YAMNet's layer9/pointwise_conv",
        tmp_path / "absent.h5": "There is no file",
        tmp_path / "yamnet.ckpt": "is no form of YAMNet's weights",
        vggish: "holds VGGish, not YAMNet; set the network to vggish",
    }.items():
        with pytest.raises(CheckpointError, match=said) as refusal:
            resolve(str(path), network="yamnet")
        assert str(path) in str(refusal.value)


def test_a_network_that_hears_other_classes_is_not_the_released_one() -> None:
    with pytest.raises(
        CheckpointError, match="not the released network: rank of the class Silence"
    ):
        prove(compare_yamnet(random_weights(0, "yamnet")))


# The official files.


@pytest.fixture(scope="module", params=["yamnet_tfhub.tflite", "yamnet_with_log_mel.tflite"])
def official(request: pytest.FixtureRequest, real_data: Path) -> Path:
    return real_data / "yamnet" / request.param


def golden_sounds(real_data: Path, names: np.ndarray) -> Iterator[np.ndarray]:
    """Yields the first 0.975 s of each recording, and the two made signals."""
    for name in names:
        if name == "silence":
            yield np.zeros(15_600, np.float32)
        elif name == "tone_1khz":
            yield np.sin(2 * np.pi * 1_000 * np.arange(15_600) / 16_000).astype(np.float32)
        else:
            samples = decode(real_data / name.replace("|", os.sep)).samples[:15_600]
            yield np.pad(samples, (0, 15_600 - len(samples)))


@pytest.fixture(scope="module")
def golden(real_data: Path) -> dict[str, np.ndarray]:
    with np.load(real_data / "yamnet" / "golden.npz") as stored:
        values = dict(stored)
    values["samples"] = np.stack(list(golden_sounds(real_data, values["names"])))
    return values


def in_float(file: Path) -> bytes:
    """Returns the official graph with its 8-bit constants dequantised, so that all is float."""
    model = flatbuffer_utils.read_model(str(file))
    (graph,) = model.subgraphs
    codes = [max(c.builtinCode, c.deprecatedBuiltinCode) for c in model.operatorCodes]
    dequantise = codes.index(DEQUANTIZE) if DEQUANTIZE in codes else -1
    source = {o.outputs[0]: o.inputs[0] for o in graph.operators if o.opcodeIndex == dequantise}
    graph.operators = [o for o in graph.operators if o.opcodeIndex != dequantise]
    for operator in graph.operators:
        operator.inputs = [source.get(tensor, tensor) for tensor in operator.inputs]
    for tensor in graph.tensors:
        if tensor.type == tflite.TensorType.INT8:
            buffer = model.buffers[tensor.buffer]
            values = np.frombuffer(bytes(buffer.data), np.int8).reshape(tensor.shape)
            scale = np.asarray(tensor.quantization.scale, np.float32)
            shape = [1] * values.ndim
            shape[tensor.quantization.quantizedDimension] = -1
            values = values.astype(np.float32) * (scale.reshape(shape) if scale.size > 1 else scale)
            buffer.data = np.frombuffer(values.astype("<f4").tobytes(), np.uint8)
            tensor.type, tensor.quantization = tflite.TensorType.FLOAT32, None
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def start(model: bytes) -> tf.lite.Interpreter:
    interpreter = tf.lite.Interpreter(
        model_content=model,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=(
            tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        ),
    )
    interpreter.allocate_tensors()
    return interpreter


def feed(interpreter: tf.lite.Interpreter, samples: np.ndarray) -> None:
    (sound,) = interpreter.get_input_details()
    interpreter.set_tensor(sound["index"], samples.reshape(sound["shape"]))
    interpreter.invoke()


def is_convolution(model: tflite.ModelT, operator: tflite.OperatorT) -> bool:
    code = model.operatorCodes[operator.opcodeIndex]
    return max(code.builtinCode, code.deprecatedBuiltinCode) in CONVOLUTIONS


def run_tflite(model: bytes, samples: np.ndarray) -> dict[str, np.ndarray]:
    """Runs a graph, sound by sound; returns the network's input, the embedding and the scores."""
    interpreter = start(model)
    details = interpreter.get_tensor_details()
    wanted = {
        "log_mel": next(t for t in details if list(t["shape"]) == [1, 96, 64, 1]),
        "embedding": next(t for t in details if list(t["shape"]) == [1, 1024]),
        "scores": next(t for t in interpreter.get_output_details() if t["shape"][-1] == 521),
    }
    found: dict[str, list[np.ndarray]] = {name: [] for name in wanted}
    for one in samples:
        feed(interpreter, one)
        for name, tensor in wanted.items():
            found[name].append(interpreter.get_tensor(tensor["index"]))
    return {name: np.concatenate(values) for name, values in found.items()}


def largest(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max())


@pytest.mark.real_data
def test_nothing_but_eight_bits_is_between_keras_and_the_official_graph(official, golden) -> None:
    """The official graph with its weights dequantised, in float, is the Keras network."""
    exact = run_tflite(in_float(official), golden["samples"])
    embedding, scores = outputs(load_yamnet(str(official)), exact["log_mel"][..., 0])
    found = (largest(embedding, exact["embedding"]), largest(scores, exact["scores"]))
    print(f"{official.name}: embedding off by {found[0]:.2g}, scores by {found[1]:.2g}")
    assert exact["embedding"].max() > 1
    assert found[0] < 1e-4
    assert found[1] < 1e-5


@pytest.mark.real_data
def test_the_official_kernels_round_the_input_of_each_layer_and_nothing_else(
    official, golden
) -> None:
    """With 8-bit weights, TFLite also rounds a layer's input to 255 steps between its extremes."""
    weights = load_yamnet(str(official))
    layers = [name for name in YAMNET.layers if name.endswith("conv")]
    model = flatbuffer_utils.read_model(str(official))
    convolutions = [o for o in model.subgraphs[0].operators if is_convolution(model, o)]
    assert len(convolutions) == len(layers) == 27
    interpreter = start(official.read_bytes())
    shares, rounded = [], 0
    for samples in golden["samples"]:
        feed(interpreter, samples)
        for name, operator in zip(layers, convolutions, strict=True):
            given = interpreter.get_tensor(operator.inputs[0])
            layer = YAMNET.make_layer(name, "float32")
            layer.build(given.shape)
            kernel, bias = (weights[variable] for variable in YAMNET.variables[name])
            layer.set_weights([kernel, bias])
            off = np.abs(layer(given).numpy() - interpreter.get_tensor(operator.outputs[0]))
            axes = (0, 1) if "depthwise" in name else (0, 1, 2)
            step = (max(given.max(), 0) - min(given.min(), 0)) / 255
            bound = np.ravel(np.abs(kernel).sum(axis=axes)) * step
            assert np.all(off <= bound + 1e-4), name
            rounded += off.max() > 1e-4
            shares.append((off / (bound + 1e-4)).max())
    print(f"{official.name}: at most {max(shares):.2f} of a step of the input, {rounded} rounded")
    assert rounded > len(golden["samples"])  # Zero would say that it computes in float.


@pytest.mark.real_data
def test_golden_values_agree_as_far_as_eight_bits_let_them(official, golden) -> None:
    """Of the log-mel, the official graph's Fourier and mel matrices are in 8 bits, too."""
    windows = tf.constant(golden["samples"])
    log_mel = log_mel_from_windows(windows, YAMNET.front_end).numpy()
    embedding, scores = outputs(load_yamnet(str(official)), log_mel)
    recordings = slice(0, -2)  # Silence and a tone leave most of the 255 steps unused.
    bands = np.abs(log_mel - golden["log_mel"])[recordings]
    likeness = [
        float(np.corrcoef(one, other)[0, 1])
        for one, other in zip(embedding, golden["embedding"], strict=True)
    ][recordings]
    top = scores.argmax(axis=1) == golden["scores"].argmax(axis=1)
    print(
        f"{official.name}: log-mel median off by {np.median(bands):.3f}; embedding correlates "
        f"{np.median(likeness):.3f} (least {min(likeness):.3f}); same class {top.sum()} of 37"
    )
    assert np.median(bands) < 0.1
    assert np.median(likeness) > 0.85
    assert top.mean() > 0.9
