"""VGGish's weights from each form in which people have them, bit for bit."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import tensorflow as tf
from torch_forms import Storage, Tensor, tensors, write_torch

from vggish.errors import CheckpointError
from vggish.networks.vggish_network import VGGISH
from vggish.weights.checkpoint import resolve
from vggish.weights.vggish_files import load_vggish

Weights = dict[str, np.ndarray]

# The layers of each port, written out from its code.
TORCH = ("features.0", "features.3", "features.6", "features.8", "features.11", "features.13",
         "embeddings.0", "embeddings.2", "embeddings.4")  # fmt: skip
KERAS = ("conv1", "conv2", "conv3/conv3_1", "conv3/conv3_2", "conv4/conv4_1", "conv4/conv4_2",
         "vggish_fc1/fc1_1", "vggish_fc1/fc1_2", "vggish_fc2")  # fmt: skip


def torch_state(weights: Weights, dense: str = "embeddings") -> Weights:
    """Converts as the ports' own scripts do: `transpose(3, 2, 0, 1)` and `T`."""
    state = {}
    for layer, variables in zip(TORCH, VGGISH.variables.values(), strict=True):
        kernel, bias = (weights[name] for name in variables)
        name = layer.replace("embeddings", dense)
        state[f"{name}.weight"] = kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T
        state[f"{name}.bias"] = bias
    return state


def write_pth(path: Path, weights: Weights) -> None:
    write_torch(path, tensors(torch_state(weights)))


def write_old_pth(path: Path, weights: Weights) -> None:
    write_torch(path, tensors(torch_state(weights, "fc")), zipped=False)


def keras_variables(weights: Weights) -> Weights:
    return {
        f"{layer}/{layer}/{kind}:0": weights[name]
        for layer, variables in zip(KERAS, VGGISH.variables.values(), strict=True)
        for kind, name in zip(("kernel", "bias"), variables, strict=True)
    }


def write_h5(path: Path, variables: Weights) -> None:
    with h5py.File(path, "w") as archive:
        for name, values in variables.items():
            archive[name] = values


class Released(tf.Module):
    """The module of the reference's vggish_export_tfhub.py, without front end and layers."""

    def __init__(self, weights: Weights):
        super().__init__()
        self._variables: list[tf.Variable] = []

        def track(create: Callable, **options: object) -> tf.Variable:
            self._variables.append(create(**options))
            return self._variables[-1]

        def define(waveform: tf.Tensor) -> tf.Tensor:
            with tf.variable_creator_scope(track):
                for name, values in weights.items():
                    tf.compat.v1.get_variable(name, initializer=values)
            return waveform

        signature = (tf.TensorSpec([None], tf.float32),)
        self._define = tf.compat.v1.wrap_function(define, signature)

    @tf.function(input_signature=(tf.TensorSpec([None], tf.float32),))
    def __call__(self, waveform: tf.Tensor) -> tf.Tensor:
        return self._define(waveform)


def write_hub(folder: Path, weights: Weights) -> None:
    tf.saved_model.save(Released(weights), str(folder))


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("vggish-10086976.pth", write_pth),
        ("pytorch_vggish.pth", write_old_pth),
        ("vggish.h5", lambda path, weights: write_h5(path, keras_variables(weights))),
        ("vggish_1", write_hub),
    ],
)
def test_every_form_is_converted_bit_for_bit(name, write, weights, tmp_path) -> None:
    write(tmp_path / name, weights)
    found = load_vggish(str(tmp_path / name))
    assert list(found) == list(VGGISH.variable_shapes)
    for variable, values in weights.items():
        assert found[variable].dtype == np.float32
        np.testing.assert_array_equal(found[variable], values, err_msg=variable)


def test_the_dense_layer_takes_the_last_map_as_the_port_flattens_it(weights) -> None:
    """A port's map is [channels, time, band], which it permutes before it flattens."""
    rng = np.random.default_rng(0)
    last_map = rng.random((512, 6, 4), np.float32)
    port = torch_state(weights)["embeddings.0.weight"] @ last_map.transpose(1, 2, 0).ravel()
    ours = last_map.transpose(1, 2, 0).ravel() @ weights["vggish/fc1/fc1_1/weights"]
    np.testing.assert_allclose(port, ours, rtol=1e-4, atol=1e-4)


def constant(shape: tuple[int, ...]) -> Tensor:
    """A tensor of one number, so that a file of a whole network is small."""
    value = np.full(1, 0.5, np.float32)
    return Tensor(Storage("0", value), np.broadcast_to(value, shape))


CONSTANTS = {
    name: constant(values.shape)
    for name, values in torch_state(
        {n: np.broadcast_to(np.float32(0), s) for n, s in VGGISH.variable_shapes.items()}
    ).items()
}


def test_what_ports_hold_beside_the_network_is_ignored(tmp_path) -> None:
    beside = {"pproc.pca_matrix": constant((128, 128)), "classifier.0.bias": constant((100,))}
    write_torch(tmp_path / "whole.pt", CONSTANTS | beside)
    found = load_vggish(str(tmp_path / "whole.pt"))
    assert {name: values.shape for name, values in found.items()} == VGGISH.variable_shapes


def without(name: str) -> dict[str, Tensor]:
    return {other: tensor for other, tensor in CONSTANTS.items() if other != name}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (without("features.8.bias"), "vggish/conv3/conv3_2/biases is missing"),
        (CONSTANTS | {"features.16.bias": constant((512,))}, "features.16.bias is not VGGish's"),
        (
            CONSTANTS | {"embeddings.4.weight": constant((4096, 128))},
            r"vggish/fc2/weights is \[128, 4096\] instead of \[4096, 128\]",
        ),
        ({"layer1.weight": constant((3, 3))}, "holds no variable of VGGish"),
    ],
)
def test_what_is_missing_extra_or_of_another_shape_is_named(state, said, tmp_path) -> None:
    path = tmp_path / "wrong.pth"
    write_torch(path, state)
    with pytest.raises(CheckpointError, match=said) as refusal:
        resolve(str(path))
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_keras_weights_without_dense_layers_are_refused(weights, tmp_path) -> None:
    headless = {n: v for n, v in keras_variables(weights).items() if "fc" not in n}
    write_h5(tmp_path / "without_fc2.h5", headless)
    with pytest.raises(CheckpointError, match="vggish/fc1/fc1_1/weights is missing"):
        resolve(str(tmp_path / "without_fc2.h5"))


def test_files_of_other_kinds_are_refused(tmp_path) -> None:
    text = tmp_path / "text.h5"
    text.write_text("not HDF5")
    empty = tmp_path / "folder"
    empty.mkdir()
    (empty / "saved_model.pb").write_bytes(b"")
    for path, said in {
        text: "is not an HDF5 file",
        tmp_path / "absent.h5": "There is no file",
        tmp_path / "absent.pth": "There is no file",
        empty: "has no readable variables",
        tmp_path / "yamnet.tflite": "no TensorFlow checkpoint of VGGish",
    }.items():
        with pytest.raises(CheckpointError, match=said):
            resolve(str(path))


def test_a_port_is_said_to_end_with_a_relu() -> None:
    assert "ReLU behind the embedding" in VGGISH.remark("vggish-10086976.pth")
    assert "ReLU behind the embedding" in VGGISH.remark("vggish.h5")
    assert not VGGISH.remark("vggish_model.ckpt")
