import numpy as np
import pytest
import tensorflow as tf

from vggish.errors import CheckpointError
from vggish.networks.pca_postprocessor import Postprocessor, dequantize, load_postprocessor


def parameters(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 0.3, (128, 128)), rng.normal(0, 0.1, 128)


def test_it_is_pca_then_clip_then_quantise():
    eigen_vectors, means = parameters()
    embeddings = np.random.default_rng(1).normal(0, 0.4, (50, 128)).astype(np.float32)
    components = (embeddings.astype(np.float64) - means) @ eigen_vectors.T
    expected = np.floor((np.clip(components, -2, 2) + 2) * (255 / 4)).astype(np.uint8)
    found = Postprocessor(eigen_vectors, means)(tf.constant(embeddings))
    assert found.dtype == tf.uint8
    assert found.shape == (50, 128)
    assert len(np.unique(found)) > 200
    difference = np.abs(found.numpy().astype(int) - expected)
    assert difference.max() <= 1  # Where float32 rounds to the other side of a step.
    assert (difference > 0).mean() < 0.001


def test_it_is_core_operations_of_a_graph():
    graph = tf.function(Postprocessor(*parameters())).get_concrete_function(
        tf.TensorSpec([None, 128], tf.float32)
    )
    operations = {operation.type for operation in graph.graph.get_operations()}
    assert not {"PyFunc", "EagerPyFunc"} & operations


def test_the_parameters_file_is_read_in_both_shapes(tmp_path):
    eigen_vectors, means = parameters()
    embeddings = tf.random.stateless_normal([4, 128], [1, 2])
    expected = Postprocessor(eigen_vectors, means)(embeddings)
    for shape in ((128,), (128, 1)):
        path = tmp_path / "pca.npz"
        np.savez(path, pca_eigen_vectors=eigen_vectors, pca_means=means.reshape(shape))
        np.testing.assert_array_equal(load_postprocessor(path)(embeddings), expected)


def test_saved_parameters_are_read_back(tmp_path):
    rng = np.random.default_rng(0)
    saved = Postprocessor(rng.normal(size=(128, 128)), rng.normal(size=128))
    saved.save(str(tmp_path / "pca.npz"))
    embeddings = rng.normal(size=(3, 128)).astype("f")
    np.testing.assert_array_equal(
        load_postprocessor(tmp_path / "pca.npz")(embeddings), saved(embeddings)
    )


def test_dequantised_is_the_middle_of_a_step():
    # YouTube-8M's readers: x * 4 / 255 + 4 / 512 - 2.
    np.testing.assert_allclose(
        dequantize(np.array([0.0, 51.0, 255.0])), [-1.9921875, -1.1921875, 2.0078125]
    )


def test_other_files_are_refused(tmp_path):
    def stored(name, **arrays):
        np.savez(tmp_path / name, **arrays)
        return tmp_path / name

    eigen_vectors, means = parameters()
    single = tmp_path / "single.npz"
    with single.open("wb") as stream:
        np.save(stream, means)
    text = tmp_path / "text.npz"
    text.write_text("no archive")
    pickled = stored("pickled.npz", pca_eigen_vectors=np.array([{}]), pca_means=means)
    nameless = stored("nameless.npz", pca_means=means)
    for path in (single, text, pickled, nameless):
        with pytest.raises(CheckpointError, match="does not hold VGGish's PCA parameters"):
            load_postprocessor(path)
    short = stored("short.npz", pca_eigen_vectors=eigen_vectors[:64], pca_means=means)
    with pytest.raises(CheckpointError, match=r"\[64, 128\] and \[128\] instead of \[128, 128\]"):
        load_postprocessor(short)
    with pytest.raises(CheckpointError, match="no file of PCA parameters at"):
        load_postprocessor(tmp_path / "absent.npz")


@pytest.mark.real_data
def test_the_published_embedding_gives_the_published_bytes(real_data):
    postprocessor = load_postprocessor(real_data / "golden" / "vggish_pca_params.npz")
    with np.load(real_data / "golden" / "smoke_test_1khz.npz") as golden:
        found = postprocessor(tf.constant(golden["embedding"][np.newaxis]))[0]
        assert (found.numpy() == golden["postprocessed"]).sum() == 128
