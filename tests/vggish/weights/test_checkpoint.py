import numpy as np
import pytest
import tensorflow as tf

from vggish.errors import CheckpointError
from vggish.networks.vggish_network import VGGISH
from vggish.weights.checkpoint import load_checkpoint, resolve
from vggish.weights.weight_arrays import weights_sha256


def test_conversion_is_bit_equal(slim):
    converted = load_checkpoint(str(slim / "vggish_model.ckpt"))
    with np.load(slim / "variables.npz") as expected:
        assert sorted(converted) == sorted(expected.files)
        for name in expected.files:
            assert converted[name].dtype == np.float32
            assert converted[name].tobytes() == expected[name].tobytes(), name


def write_checkpoint(prefix, shapes):
    """Writes a checkpoint of the newer format (V2) whose every variable has values of its own."""
    names = list(shapes)
    tensors = [tf.fill(shapes[name], float(index)) for index, name in enumerate(names)]
    tf.raw_ops.SaveV2(
        prefix=str(prefix), tensor_names=names, shape_and_slices=[""] * len(names), tensors=tensors
    )
    return str(prefix)


def test_a_missing_an_extra_and_a_transposed_variable_are_each_named(tmp_path):
    shapes = dict(VGGISH.variable_shapes)
    del shapes["vggish/conv3/conv3_1/biases"]
    shapes["vggish/fc3/weights"] = (2, 2)
    shapes["vggish/fc2/weights"] = (128, 4096)
    path = write_checkpoint(tmp_path / "wrong", shapes)
    with pytest.raises(CheckpointError) as refusal:
        load_checkpoint(path)
    message = str(refusal.value)
    assert "vggish/conv3/conv3_1/biases is missing" in message
    assert "vggish/fc3/weights is not VGGish's" in message
    assert "vggish/fc2/weights is [128, 4096] instead of [4096, 128]" in message
    assert message.count("vggish/") == 3


def test_variables_outside_the_scope_are_ignored(tmp_path):
    shapes = dict(VGGISH.variable_shapes) | {"global_step": (), "classifier/weights": (128, 10)}
    converted = load_checkpoint(write_checkpoint(tmp_path / "tuned", shapes))
    assert {name: array.shape for name, array in converted.items()} == VGGISH.variable_shapes
    assert [array.flat[-1] for array in converted.values()] == list(
        range(len(VGGISH.variable_shapes))
    )


def test_an_optimizers_slots_are_refused(tmp_path):
    shapes = dict(VGGISH.variable_shapes) | {"vggish/conv1/weights/Adam": (3, 3, 1, 64)}
    with pytest.raises(CheckpointError, match=r"vggish/conv1/weights/Adam is not VGGish's"):
        load_checkpoint(write_checkpoint(tmp_path / "training", shapes))


def test_what_is_no_checkpoint_is_refused_in_one_sentence(tmp_path):
    text = tmp_path / "readme.txt"
    text.write_text("not a checkpoint")
    for path in (tmp_path / "absent", tmp_path, text):
        with pytest.raises(CheckpointError, match="no TensorFlow checkpoint") as refusal:
            load_checkpoint(str(path))
        assert "\n" not in str(refusal.value)


def test_resolve_says_where_weights_are_from(slim):
    weights, origin = resolve(str(slim / "vggish_model.ckpt"))
    assert origin == weights_sha256(weights)
    npz_weights, npz_origin = resolve(str(slim / "variables.npz"))
    assert npz_origin == origin
    assert list(npz_weights) == list(VGGISH.variable_shapes)
    assert resolve("random", seed=1)[1] == "random"
