import hashlib

import keras
import numpy as np
import pytest

from vggish.errors import CheckpointError
from vggish.networks.layer_taps import build_network
from vggish.networks.vggish_network import VGGISH
from vggish.weights.weight_arrays import (
    apply_weights,
    load_weights,
    random_weights,
    save_weights,
    weights_sha256,
)


def test_random_weights_are_those_of_keras_initialisers_in_distribution(weights):
    for name, array in weights.items():
        if name.endswith("biases"):
            assert not array.any()
            continue
        limit = float(np.abs(keras.initializers.GlorotUniform(0)(array.shape)).max())
        assert np.abs(array).max() == pytest.approx(limit, rel=0.01), name
        assert array.mean() == pytest.approx(0, abs=0.1 * limit), name
        assert array.std() == pytest.approx(limit / np.sqrt(3), rel=0.05), name


def test_random_weights_are_the_same_bytes_everywhere(weights):
    # Any change of these digits changes every result that was made with `random`.
    assert (
        hashlib.sha256(weights["vggish/conv1/weights"].tobytes()).hexdigest()[:16]
        == "85b12e50cea1d0c3"
    )
    assert weights_sha256(weights)[:16] == "896442cc31d2dda4"
    assert not np.array_equal(
        random_weights(1)["vggish/conv1/weights"], weights["vggish/conv1/weights"]
    )


def test_weights_survive_the_file(tmp_path, weights):
    save_weights(weights, tmp_path / "weights.npz")
    loaded = load_weights(tmp_path / "weights.npz")
    assert list(loaded) == list(VGGISH.variable_shapes)
    assert weights_sha256(loaded) == weights_sha256(weights)
    assert [file.name for file in tmp_path.iterdir()] == ["weights.npz"]


def test_the_fingerprint_sees_names_shapes_and_values():
    array = np.arange(6, dtype=np.float32)
    digests = {
        weights_sha256({"a": array}),
        weights_sha256({"b": array}),
        weights_sha256({"a": array.reshape(2, 3)}),
        weights_sha256({"a": array + 1}),
    }
    assert len(digests) == 4
    assert weights_sha256({"a": array, "b": array}) == weights_sha256({"b": array, "a": array})


def test_other_files_are_refused(tmp_path, weights):
    other = tmp_path / "other.npz"
    np.savez(other, **{"vggish/conv1/weights": np.zeros((3, 3, 64, 1), np.float32)})
    with pytest.raises(CheckpointError, match=r"conv1/weights is \[3, 3, 64, 1\] instead of"):
        load_weights(other)
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, **{"vggish/conv1/weights": np.array([{}], dtype=object)})
    single = tmp_path / "single.npz"
    with single.open("wb") as stream:
        np.save(stream, np.zeros(3))
    text = tmp_path / "text.npz"
    text.write_text("no archive")
    for file in (pickled, single, text):
        with pytest.raises(CheckpointError, match="not a weights file"):
            load_weights(file)
    with pytest.raises(CheckpointError, match="no weights file at"):
        load_weights(tmp_path / "absent.npz")
    with pytest.raises(CheckpointError, match="vggish/fc2/biases is missing"):
        save_weights({name: weights[name] for name in list(weights)[:-1]}, tmp_path / "x.npz")


def test_apply_sets_only_the_layers_that_are_there(weights):
    network = build_network(up_to="conv2")
    apply_weights(network, weights)
    kernel, bias = network.get_layer("conv2").get_weights()
    assert np.array_equal(kernel, weights["vggish/conv2/weights"])
    assert np.array_equal(bias, weights["vggish/conv2/biases"])
