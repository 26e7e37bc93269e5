"""Reading the released checkpoint: TensorFlow 1 slim variables as plain arrays, bit for bit."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from vggish.errors import CheckpointError
from vggish.networks.network_table import find_network
from vggish.networks.vggish_network import VGGISH
from vggish.weights.download import (
    CHECKPOINT_URL,
    DOWNLOAD,
    DownloadProgress,
    cache_folder,
    download,
)
from vggish.weights.published_values import (
    PUBLISHED_EMBEDDING,
    EmbeddingStatistics,
    compare_vggish,
    prove,
)
from vggish.weights.weight_arrays import (
    check_variables,
    load_weights,
    random_weights,
    weights_sha256,
)

RANDOM = "random"
"""Keyword for seeded random weights instead of a checkpoint's path."""

_SCOPE = "vggish/"


def load_checkpoint(path: str) -> dict[str, np.ndarray]:
    """Reads a TensorFlow 1 checkpoint of the slim model, such as the released `vggish_model.ckpt`.

    Variables outside the scope `vggish/` are ignored: a fine-tuned model's checkpoint holds its
    step counter and classifier there. Inside the scope, the set must be exact. An optimizer's slots
    (`vggish/.../Adam`) are refused, since such a file is a training state, and an error is safer
    than a guess of the variables to use.

    Args:
        path: Path of a single-file (V1) checkpoint, or prefix of a V2 one.

    Returns:
        All variables, float32, by slim name.

    Raises:
        CheckpointError: The path is not a checkpoint, or its `vggish/` variables are not VGGish's.
        tf.errors.OpError: The storage failed, and may work again later.
    """
    try:
        reader = tf.train.load_checkpoint(path)
    except (
        ValueError,
        tf.errors.NotFoundError,
        tf.errors.DataLossError,
        tf.errors.FailedPreconditionError,  # The path is a folder.
    ) as error:
        raise CheckpointError(
            f"There is no TensorFlow checkpoint of VGGish at {path}; give the path of "
            "vggish_model.ckpt, `download` or `random`, or name the weights' network."
        ) from error
    shapes = {
        name: tuple(shape)
        for name, shape in reader.get_variable_to_shape_map().items()
        if name.startswith(_SCOPE)
    }
    check_variables(shapes, path)
    return {name: reader.get_tensor(name) for name in VGGISH.variable_shapes}


def resolve(
    checkpoint: str,
    seed: int = 0,
    progress: DownloadProgress | None = None,
    network: str = "vggish",
) -> tuple[dict[str, np.ndarray], str]:
    """Loads the weights that `--checkpoint` names.

    Args:
        checkpoint: Path of a file or folder of released weights or of a converted `.npz` file,
            `download` or `random`.
        seed: Seed of the random weights.
        progress: Function that gets the progress of a download.
        network: One of `NETWORKS`.

    Returns:
        The weights by name, and their origin: `random`, or the SHA-256 of the weights.

    Raises:
        CheckpointError: The path does not hold the network's weights, or the download fails.
    """
    chosen = find_network(network)
    if checkpoint == RANDOM:
        return random_weights(seed, network), RANDOM
    if checkpoint == DOWNLOAD:
        checkpoint = chosen.download(progress)
    weights = (
        load_weights(checkpoint, network)
        if checkpoint.endswith(".npz")
        else chosen.load(checkpoint)
    )
    return weights, weights_sha256(weights)


def weights_for(features: str, checkpoint: str, network: str) -> dict[str, np.ndarray] | None:
    """Loads the weights that features need.

    Args:
        features: One of the network's `features`.
        checkpoint: As in `resolve`; not read for features that need no network.
        network: One of `NETWORKS`.

    Returns:
        The weights by name; None for features that need none.

    Raises:
        VggishError: The network or the features do not exist.
        CheckpointError: The path does not hold the network's weights, or the download fails.
    """
    if not find_network(network).find_feature(features).layers:
        return None
    return resolve(checkpoint, network=network)[0]


def released_checkpoint(
    url: str = CHECKPOINT_URL,
    folder: Path | None = None,
    expected: EmbeddingStatistics = PUBLISHED_EMBEDDING,
    progress: DownloadProgress | None = None,
) -> Path:
    """Downloads the released checkpoint and verifies its network on a known sound.

    Args:
        url: Address of the checkpoint.
        folder: Folder of the download; None means `cache_folder()`.
        expected: Statistics of the smoke test's embedding.
        progress: Function that gets the progress of the download.

    Returns:
        The path of the verified checkpoint.

    Raises:
        CheckpointError: The download fails, or the network gives other values.
    """
    return download(
        url,
        folder or cache_folder(),
        lambda path: prove(compare_vggish(load_checkpoint(str(path)), expected)),
        progress,
    )
