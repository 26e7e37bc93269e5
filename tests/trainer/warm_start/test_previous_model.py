"""Going on from an earlier model: which of its values are found again, and where they go."""

import keras
import numpy as np
import pytest

from schema.config.model_settings import ModelSettings
from schema.model_card import write_model_card
from trainer.heads.dense import build_frozen_head
from trainer.heads.pooling import PooledHead
from trainer.serving.served_classifier import ServedClassifier
from trainer.warm_start.previous_model import PreviousModel
from vggish.networks.layer_taps import build_features, build_network
from vggish.networks.network import FrontEnd
from vggish.weights.weight_arrays import apply_weights, random_weights

SIZE = 4_096
SETTINGS = ModelSettings(hidden=(5,))
CLASSES = ["cat", "dog", "owl"]


def build_head(classes: int, seed: int, settings: ModelSettings = SETTINGS) -> keras.Model:
    keras.utils.set_random_seed(seed)
    features = np.random.default_rng(seed).normal(seed, 1 + seed, [20, SIZE]).astype(np.float32)
    return build_frozen_head(settings, classes, features)


@pytest.fixture(scope="module")
def head() -> keras.Model:
    return build_head(3, seed=1)


@pytest.fixture(scope="module")
def previous(head: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> PreviousModel:
    folder = str(tmp_path_factory.mktemp("model"))
    network = build_network(up_to="pool2")
    apply_weights(network, random_weights(1))
    vectors = keras.layers.Flatten()(network.output)
    features = keras.Model(network.input, vectors[:, :SIZE])
    ServedClassifier(features, PooledHead(head), CLASSES, FrontEnd(), thresholds=None).save(folder)
    write_model_card(folder, {"classes": CLASSES})
    return PreviousModel(folder)


def test_the_layers_that_both_have_are_taken(previous: PreviousModel) -> None:
    network = build_features("pool4", random_weights(0))
    assert previous.restore_network(network) == ["conv1", "conv2"]
    old, new = random_weights(1)["vggish/conv2/weights"], random_weights(0)
    np.testing.assert_array_equal(network.get_layer("conv2").kernel, old)
    conv4_2 = network.get_layer("conv4_2").kernel
    np.testing.assert_array_equal(conv4_2, new["vggish/conv4/conv4_2/weights"])


def test_the_same_classes_give_the_same_head(head: keras.Model, previous: PreviousModel) -> None:
    other = build_head(3, seed=2)
    features = np.random.default_rng(0).normal(0, 2, [6, SIZE]).astype(np.float32)
    assert not np.allclose(other(features), head(features))
    assert previous.restore_head(other, CLASSES) == CLASSES
    np.testing.assert_array_equal(other(features), head(features))


def test_classes_are_found_by_name(head: keras.Model, previous: PreviousModel) -> None:
    other = build_head(4, seed=2)
    fresh = other.get_layer("scores").kernel.numpy()
    assert previous.restore_head(other, ["owl", "elk", "cat", "yak"]) == ["owl", "cat"]
    old, new = (model.get_layer("scores") for model in (head, other))
    np.testing.assert_array_equal(new.kernel.numpy()[:, [0, 2]], old.kernel.numpy()[:, [2, 0]])
    np.testing.assert_array_equal(new.kernel.numpy()[:, [1, 3]], fresh[:, [1, 3]])
    np.testing.assert_array_equal(new.bias.numpy()[[0, 2]], old.bias.numpy()[[2, 0]])


@pytest.mark.parametrize(
    "settings", [ModelSettings(), ModelSettings(hidden=(6,)), ModelSettings(hidden=(5, 5))]
)
def test_a_head_that_is_built_differently_stays_as_it_is(
    settings: ModelSettings, previous: PreviousModel
) -> None:
    other = build_head(3, 2, settings)
    before = other.get_weights()
    assert previous.restore_head(other, CLASSES) is None
    for old, new in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
