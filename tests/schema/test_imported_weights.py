"""The weights as a pipeline passes them on."""

import numpy as np
import pytest
import tensorflow as tf

from schema.imported_weights import import_weights, read_imported_weights, write_imported_weights
from vggish.networks.pca_postprocessor import Postprocessor, ReleasedEmbedding
from vggish.weights.weight_arrays import random_weights


@pytest.fixture(scope="module")
def values():
    return random_weights(3)


def test_weights_and_origin_are_read_back(values, tmp_path):
    written = import_weights("vggish", "random", values, None)
    write_imported_weights(str(tmp_path / "weights"), written)
    found = read_imported_weights(str(tmp_path / "weights"))
    assert found.origin == written.origin
    assert found.postprocessor is None
    assert found.values.keys() == values.keys()
    for name, value in values.items():
        np.testing.assert_array_equal(found.values[name], value)


def test_with_a_pca_the_embedding_is_as_released(values, tmp_path):
    rng = np.random.default_rng(0)
    pca = Postprocessor(rng.normal(size=(128, 128)), rng.normal(size=128))
    pca.save(str(tmp_path / "pca.npz"))
    imported = import_weights("vggish", "random", values, str(tmp_path / "pca.npz"))
    write_imported_weights(str(tmp_path / "weights"), imported)
    released = read_imported_weights(str(tmp_path / "weights")).build_features("embedding")
    assert isinstance(released, ReleasedEmbedding)
    found = released(tf.zeros([2, 96, 64])).numpy()
    steps = (found - 4 / 512 + 2) * 255 / 4  # Whole steps of the 8-bit release.
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)
