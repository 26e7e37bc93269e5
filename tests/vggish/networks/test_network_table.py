"""What holds for every network of the table."""

import numpy as np
import pytest

from vggish import hear
from vggish.embedding.embedder import Embedder
from vggish.errors import VggishError
from vggish.networks.layer_taps import build_features, build_network
from vggish.networks.network_table import NETWORKS, find_network
from vggish.networks.yamnet_network import YAMNET
from vggish.weights.weight_arrays import random_weights

WINDOWS = np.random.default_rng(0).normal(-2.0, 1.5, (3, 96, 64)).astype(np.float32)


@pytest.fixture(scope="module")
def weights() -> dict[str, np.ndarray]:
    return random_weights(0, "yamnet")


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_layers_variables_and_taps_name_each_other(network) -> None:
    assert list(network.variables) == [n for n in network.layers if n in network.variables]
    assert "embedding" in network.features
    for tap in network.taps:
        assert set(tap.layers) <= set(network.layers)
        assert network.last_weights(tap) in network.variables


def test_yamnet_is_as_large_as_the_reference() -> None:
    # The reference's README says 3.7 million.
    assert build_network(network="yamnet").count_params() == 3_729_481


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", YAMNET.features)
def test_every_feature_of_yamnet_has_its_size(name, dtype, weights) -> None:
    found = build_features(name, weights, dtype, "yamnet")(WINDOWS)
    assert found.shape == (3, YAMNET.features[name].size)
    assert found.dtype == "float32"
    assert np.isfinite(found).all()


def test_random_yamnet_is_neither_silent_nor_loud(weights) -> None:
    embedding = build_features("embedding", weights, network="yamnet")(WINDOWS).numpy()
    assert 0.1 < embedding.std() < 100


def test_each_network_embeds_with_its_own_windows(weights) -> None:
    sound = np.random.default_rng(1).normal(0, 0.1, 40_000).astype(np.float32)
    embedder = Embedder("log_mel", None, network="yamnet")
    ((_, vectors),) = embedder.embed([("a", sound)])
    assert len(vectors) == 1 + -(-(40_000 - 15_600) // 7_680)
    ((_, ours),) = Embedder("log_mel", None).embed([("a", sound)])
    assert len(ours) == 1 + (40_000 - 15_600) // 15_360
    # The same spectrum, with another offset: exp(a) - 0.001 == exp(b) - 0.01.
    mel = [np.exp(v[0].astype(np.float64)) for v in (vectors, ours)]
    np.testing.assert_allclose(mel[0] - 0.001, mel[1] - 0.01, rtol=1e-3, atol=1e-6)


def test_hear_takes_a_network() -> None:
    model = hear.load_model("random", network="yamnet")
    assert model.scene_embedding_size == 1_024
    sound = np.random.default_rng(1).normal(0, 0.1, (2, 20_000)).astype(np.float32)
    embeddings, timestamps = hear.get_timestamp_embeddings(sound, model)
    assert embeddings.shape == (2, 25, 1_024)
    assert timestamps.shape == (2, 25)
    scenes = hear.get_scene_embeddings(sound, model)
    embedder = Embedder("embedding", random_weights(0, "yamnet"), network="yamnet")
    ((_, vectors),) = embedder.embed([(0, sound[0])])
    assert len(vectors) == 2
    np.testing.assert_allclose(scenes[0], vectors.mean(axis=0), rtol=1e-3, atol=1e-4)


def test_an_unknown_network_names_the_nearest() -> None:
    with pytest.raises(VggishError, match=r"no network 'yamnett'; did you mean 'yamnet'\?"):
        find_network("yamnett")
