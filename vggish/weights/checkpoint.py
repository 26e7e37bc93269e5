"""The released checkpoint: TensorFlow 1 slim variables to plain arrays, bit for bit."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from vggish.errors import CheckpointError
from vggish.weights.download import (
    CHECKPOINT_URL,
    DOWNLOAD,
    DownloadProgress,
    cache_folder,
    download,
)
from vggish.weights.published_values import PUBLISHED_EMBEDDING, EmbeddingStatistics, prove_released
from vggish.weights.slim_weights import (
    VARIABLE_SHAPES,
    check_variables,
    load_weights,
    random_weights,
    weights_sha256,
)

RANDOM = "random"
"""What stands for seeded random weights wherever a checkpoint is asked for."""

_SCOPE = "vggish/"


def load_checkpoint(path: str) -> dict[str, np.ndarray]:
    """Reads a TensorFlow 1 checkpoint of the slim model, such as the released `vggish_model.ckpt`.

    Variables outside of the scope `vggish/` are ignored: a fine-tuned model's checkpoint holds its
    step counter and classifier there. Inside of it, the set must be exact, so an optimizer's slots
    (`vggish/.../Adam`) are refused like anything else: such a file is a training state, and saying
    so is safer than guessing which of its variables to use.

    Args:
        path: A single-file (V1) checkpoint or the prefix of a V2 one.

    Returns:
        All variables, float32, by slim name.

    Raises:
        CheckpointError: When there is no checkpoint at the path, or its `vggish/` variables are not
            VGGish's.
    """
    try:
        reader = tf.train.load_checkpoint(path)
    except (ValueError, tf.errors.OpError) as error:
        raise CheckpointError(
            f"There is no TensorFlow checkpoint at {path}; give the path of vggish_model.ckpt, "
            "`download` or `random`."
        ) from error
    shapes = {
        name: tuple(shape)
        for name, shape in reader.get_variable_to_shape_map().items()
        if name.startswith(_SCOPE)
    }
    check_variables(shapes, path)
    return {name: reader.get_tensor(name) for name in VARIABLE_SHAPES}


def resolve(
    checkpoint: str, seed: int = 0, progress: DownloadProgress | None = None
) -> tuple[dict[str, np.ndarray], str]:
    """Turns the user's `--checkpoint` into weights.

    Args:
        checkpoint: The path of a slim checkpoint or of a converted `.npz` file, `download` or
            `random`.
        seed: Of the random weights.
        progress: Told how far a download is.

    Returns:
        The weights by slim name, and where they are from: `random`, or the SHA-256 of the weights.

    Raises:
        CheckpointError: When there are no VGGish weights at the path, or the download fails.
    """
    if checkpoint == RANDOM:
        return random_weights(seed), RANDOM
    if checkpoint == DOWNLOAD:
        checkpoint = str(released_checkpoint(progress=progress))
    weights = (
        load_weights(checkpoint) if checkpoint.endswith(".npz") else load_checkpoint(checkpoint)
    )
    return weights, weights_sha256(weights)


def released_checkpoint(
    url: str = CHECKPOINT_URL,
    folder: Path | None = None,
    expected: EmbeddingStatistics = PUBLISHED_EMBEDDING,
    progress: DownloadProgress | None = None,
) -> Path:
    """Fetches the released checkpoint and proves it by what its network gives for a known sound.

    Args:
        url: Where it is.
        folder: Where it is kept; None means `cache_folder()`.
        expected: The statistics of the smoke test's embedding.
        progress: Told how far the download is.

    Returns:
        The path of the proven checkpoint.

    Raises:
        CheckpointError: When it cannot be fetched, or gives other values.
    """
    return download(
        url,
        folder or cache_folder(),
        lambda path: prove_released(load_checkpoint(str(path)), expected),
        progress,
    )
