"""A table of clip ids and their scores."""

import os

import numpy as np
import tensorflow as tf

from vggish.npz_files import read_arrays, write_arrays


def scores_file(split: str) -> str:
    """Names the file in a Trainer's `model_run` with the model's scores of a split."""
    return f"{split}_scores.npz"


def write_clip_scores(path: str, clip_ids: np.ndarray, scores: np.ndarray) -> None:
    """Writes a table.

    Args:
        path: Path of the `.npz` file; its folder is made if necessary.
        clip_ids: bytes [clips].
        scores: float32 [clips, classes].
    """
    ids = np.array([clip_id.decode() for clip_id in clip_ids], np.str_)
    tf.io.gfile.makedirs(os.path.dirname(path))
    write_arrays(path, {"clip_ids": ids, "scores": np.asarray(scores, np.float32)})


def read_clip_scores(path: str) -> dict[str, np.ndarray]:
    """Reads what `write_clip_scores` wrote.

    Args:
        path: Path of the `.npz` file.

    Returns:
        The scores, float32 [classes], by clip id.
    """
    stored = read_arrays(path)
    return dict(zip(stored["clip_ids"].tolist(), stored["scores"], strict=True))
