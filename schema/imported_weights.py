"""A network's weights and their origin, as the nodes of a pipeline exchange them."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import keras
import numpy as np
import tensorflow as tf

from vggish.networks.layer_taps import build_joined_features
from vggish.networks.pca_postprocessor import Postprocessor, ReleasedEmbedding, load_postprocessor
from vggish.npz_files import open_arrays
from vggish.weights.weight_arrays import save_weights, weights_sha256

_PCA_FILE = "vggish_pca_params.npz"
_ORIGIN_FILE = "origin.json"


@dataclass(frozen=True)
class WeightsOrigin:
    """Origin of weights.

    Attributes:
        network: Name of the network; None of embeddings from an unknown one.
        weights: `random`, or the SHA-256 of the checkpoint's values; shown with results.
        sha256: SHA-256 of the values, random or not.
        compute: Precision in which the pipeline runs the frozen network with them.
    """

    network: str | None
    weights: str | None
    sha256: str | None
    compute: str = "float32"


@dataclass(frozen=True)
class ImportedWeights:
    """Weights of a network, with their origin.

    Attributes:
        values: Arrays by name; those of a file are read when they are asked for, since most layer
            taps need few of them.
        origin: Their origin.
        postprocessor: Converter to AudioSet's released embeddings, or None.
    """

    values: Mapping[str, np.ndarray]
    origin: WeightsOrigin
    postprocessor: Postprocessor | None = None

    def build_features(
        self, name: str, dtype: str = "float32"
    ) -> keras.Model | ReleasedEmbedding | None:
        """Builds a layer tap with these weights.

        Args:
            name: Layer tap; only `embedding` if there is a postprocessor.
            dtype: Precision of the network.

        Returns:
            A model from log-mel float32 [w, 96, 64] to features float32 [w, D]; with a
            postprocessor, to the embedding as AudioSet releases it. None of an unknown network.
        """
        return self.build_joined_features([name], dtype)

    def build_joined_features(
        self, names: Sequence[str], dtype: str = "float32"
    ) -> keras.Model | ReleasedEmbedding | None:
        """Builds several layer taps with these weights, on one network.

        Args:
            names: Layer taps; only `embedding` if there is a postprocessor.
            dtype: Precision of the network.

        Returns:
            As `build_features`, with the features one after the other.
        """
        if self.origin.network is None:
            return None
        network = build_joined_features(names, self.values, dtype, self.origin.network)
        if self.postprocessor is None:
            return network
        return ReleasedEmbedding(network, self.postprocessor)


def import_weights(
    network: str,
    weights: str,
    values: Mapping[str, np.ndarray],
    pca: str | None,
    compute: str = "float32",
) -> ImportedWeights:
    """Collects what `write_imported_weights` writes.

    Args:
        network: Name of the network.
        weights: `random`, or the checkpoint's SHA-256.
        values: Arrays by name.
        pca: Path of the released PCA parameters, `download`, or None.
        compute: Precision of the frozen network.

    Returns:
        The weights with their origin.

    Raises:
        CheckpointError: The path does not hold PCA parameters of VGGish.
    """
    postprocessor = load_postprocessor(pca) if pca else None
    origin = WeightsOrigin(network, weights, weights_sha256(values), compute)
    return ImportedWeights(values, origin, postprocessor)


def no_weights() -> ImportedWeights:
    """Returns the weights of an unknown network, of which there are none."""
    return ImportedWeights({}, WeightsOrigin(None, None, None))


def write_imported_weights(folder: str, imported: ImportedWeights) -> None:
    """Writes weights and their origin into a folder, which is made if necessary."""
    tf.io.gfile.makedirs(folder)
    if network := imported.origin.network:
        save_weights(imported.values, _weights_file(folder, network), network)
    if imported.postprocessor is not None:
        imported.postprocessor.save(os.path.join(folder, _PCA_FILE))
    with tf.io.gfile.GFile(os.path.join(folder, _ORIGIN_FILE), "w") as file:
        file.write(json.dumps(asdict(imported.origin)))


def read_imported_weights(folder: str) -> ImportedWeights:
    """Reads what `write_imported_weights` wrote."""
    origin = read_weights_origin(folder)
    if origin.network is None:
        return no_weights()
    values = open_arrays(_weights_file(folder, origin.network))
    pca = os.path.join(folder, _PCA_FILE)
    return ImportedWeights(
        values, origin, load_postprocessor(pca) if tf.io.gfile.exists(pca) else None
    )


def read_weights_origin(folder: str) -> WeightsOrigin:
    """Reads the origin that `write_imported_weights` wrote, without the weights."""
    with tf.io.gfile.GFile(os.path.join(folder, _ORIGIN_FILE)) as file:
        return WeightsOrigin(**json.loads(file.read()))


def pca_sha256(folder: str) -> str | None:
    """Returns the SHA-256 of the PCA parameters in a folder; None if it has none."""
    path = os.path.join(folder, _PCA_FILE)
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def _weights_file(folder: str, network: str) -> str:
    return os.path.join(folder, f"{network}.npz")
