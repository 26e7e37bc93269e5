import keras
import numpy as np
import pytest

from vggish.networks.layer_taps import build_network
from vggish.networks.vggish_network import VGGISH
from vggish.weights.checkpoint import load_checkpoint
from vggish.weights.weight_arrays import apply_weights

LAYERS = [name for name in VGGISH.layers if name != "flatten"]


@pytest.fixture(scope="module")
def slim_network(slim):
    network = build_network()
    apply_weights(network, load_checkpoint(str(slim / "vggish_model.ckpt")))
    return network


def test_every_layer_gives_what_slim_gives(slim, slim_network):
    taps = keras.Model(slim_network.input, [slim_network.get_layer(name).output for name in LAYERS])
    with np.load(slim / "layers.npz") as expected:
        outputs = taps(expected["input"])
        for name, output in zip(LAYERS, outputs, strict=True):
            scale = np.abs(expected[name]).max()
            assert scale > 0.1, f"{name} is silent, so comparing it proves nothing"
            np.testing.assert_allclose(
                output.numpy(), expected[name], rtol=0, atol=1e-5 * scale, err_msg=name
            )


def test_the_embedding_has_no_activation(slim, slim_network):
    with np.load(slim / "layers.npz") as expected:
        embedding = slim_network(expected["input"]).numpy()
    assert (embedding < 0).sum() > 100


def test_bfloat16_stays_near_float32(slim, slim_network):
    reduced = build_network("bfloat16")
    reduced.set_weights(slim_network.get_weights())
    with np.load(slim / "layers.npz") as expected:
        embedding = reduced(expected["input"])
        error = np.abs(embedding.numpy() - expected["fc2"]).max() / np.abs(expected["fc2"]).max()
    assert embedding.dtype == "float32"
    assert 0 < error < 0.02  # Zero would say that it computed in float32 after all.
    assert all(variable.dtype == "float32" for variable in reduced.weights)


@pytest.mark.parametrize(
    ("up_to", "shape", "parameters"),
    [("conv3_2", (None, 24, 16, 256), 959_744), ("pool4", (None, 6, 4, 512), 4_499_712)],
)
def test_up_to_builds_no_layer_beyond(up_to, shape, parameters):
    network = build_network(up_to=up_to)
    assert network.output_shape == shape
    assert network.count_params() == parameters


@pytest.mark.parametrize("argument", [{"up_to": "conv9"}, {"dtype": "float16"}])
def test_unknown_arguments_are_refused(argument):
    with pytest.raises(ValueError, match=next(iter(argument.values()))):
        build_network(**argument)
