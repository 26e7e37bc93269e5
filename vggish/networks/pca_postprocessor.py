"""From embeddings to AudioSet's 8-bit ones: whitening PCA, clipping, quantising."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from vggish.errors import CheckpointError
from vggish.npz_files import read_arrays, write_arrays
from vggish.params import (
    EMBEDDING_SIZE,
    PCA_EIGEN_VECTORS_NAME,
    PCA_MEANS_NAME,
    QUANTIZE_MAX,
    QUANTIZE_MIN,
)
from vggish.weights.download import (
    DOWNLOAD,
    PCA_SHA256,
    PCA_URL,
    cache_folder,
    download,
    prove_sha256,
)

_QUANTIZE_STEPS = 255.0


class Postprocessor(tf.Module):
    """The post-processing of the reference (vggish_postprocess.py) in core TensorFlow operations.

    Args:
        eigen_vectors: float [128, 128], one component per row, scaled for whitening.
        means: float [128], subtracted first.
    """

    def __init__(self, eigen_vectors: np.ndarray, means: np.ndarray):
        super().__init__(name="postprocessor")
        self._eigen_vectors = tf.constant(eigen_vectors, tf.float32)
        self._means = tf.constant(means, tf.float32)

    def __call__(self, embeddings: tf.Tensor) -> tf.Tensor:
        """Post-processes embeddings.

        Args:
            embeddings: float32 [w, 128], before any activation.

        Returns:
            uint8 [w, 128]: the principal components, clipped to [-2, 2]; 0 stands for -2 and 255
            for 2. Fractions are cut off, as in the reference.
        """
        components = tf.linalg.matmul(
            embeddings - self._means, self._eigen_vectors, transpose_b=True
        )
        clipped = tf.clip_by_value(components, QUANTIZE_MIN, QUANTIZE_MAX)
        scaled = (clipped - QUANTIZE_MIN) * (_QUANTIZE_STEPS / (QUANTIZE_MAX - QUANTIZE_MIN))
        return tf.cast(scaled, tf.uint8)

    def save(self, path: str) -> None:
        """Writes the parameters for `load_postprocessor`."""
        parameters = {
            PCA_EIGEN_VECTORS_NAME: self._eigen_vectors.numpy(),
            PCA_MEANS_NAME: self._means.numpy(),
        }
        write_arrays(path, parameters)


class ReleasedEmbedding(tf.Module):
    """From log-mel to the numbers that readers of AudioSet's released embeddings use.

    Args:
        network: Model from log-mel float32 [w, 96, 64] to the embedding float32 [w, 128].
        postprocessor: Post-processor of the release.
    """

    def __init__(self, network: Any, postprocessor: Postprocessor):
        super().__init__(name="released_embedding")
        self._network = network
        self._postprocessor = postprocessor

    def __call__(self, log_mel: tf.Tensor, *, training: bool = False) -> tf.Tensor:
        """Returns the dequantized 8-bit embedding, float32 [w, 128], between -2 and 2.01."""
        quantized = self._postprocessor(self._network(log_mel, training=training))
        return dequantize(tf.cast(quantized, tf.float32))

    def count_params(self) -> int:
        """Counts the weights of the network, as a Keras model does."""
        return self._network.count_params()


def dequantize(quantized: Any) -> Any:
    """Turns 8-bit embeddings into numbers, as YouTube-8M's readers do (`Dequantize` in utils.py).

    Args:
        quantized: Array or tensor of a float type, with values from 0 to 255.

    Returns:
        The same shape and type: the middle of each of the 256 steps.
    """
    span = QUANTIZE_MAX - QUANTIZE_MIN
    return quantized * (span / _QUANTIZE_STEPS) + (span / 512 + QUANTIZE_MIN)


def load_postprocessor(path: str | Path) -> Postprocessor:
    """Reads the released `vggish_pca_params.npz`.

    Args:
        path: Path on any file system that TensorFlow knows, or `download` for the released file.

    Returns:
        The post-processor.

    Raises:
        CheckpointError: The file is absent or does not hold VGGish's PCA parameters.
    """
    if path == DOWNLOAD:
        path = download(PCA_URL, cache_folder(), prove_sha256(PCA_SHA256))
    try:
        stored = read_arrays(path)
        eigen_vectors, means = stored[PCA_EIGEN_VECTORS_NAME], stored[PCA_MEANS_NAME]
    except FileNotFoundError as error:
        raise CheckpointError(
            f"There is no file of PCA parameters at {path}; give the path of vggish_pca_params.npz."
        ) from error
    except (ValueError, KeyError) as error:
        raise CheckpointError(
            f"{path} does not hold VGGish's PCA parameters; "
            "give the released vggish_pca_params.npz."
        ) from error
    if eigen_vectors.shape != (EMBEDDING_SIZE, EMBEDDING_SIZE) or means.size != EMBEDDING_SIZE:
        raise CheckpointError(
            f"{path} holds a PCA of shapes {list(eigen_vectors.shape)} and {list(means.shape)} "
            f"instead of {[EMBEDDING_SIZE, EMBEDDING_SIZE]} and {[EMBEDDING_SIZE]}; "
            "give the released vggish_pca_params.npz."
        )
    return Postprocessor(eigen_vectors, means.reshape(-1))
