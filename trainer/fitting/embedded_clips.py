"""Reading the cached embeddings that a frozen head learns from."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from schema import clip_examples
from schema.config.model_settings import Pooling
from trainer.heads.pooling import pool_windows

_CLIPS_A_BATCH = 256


@dataclass(frozen=True)
class EmbeddedClips:
    """The clips of one split, in the order of their ids.

    Attributes:
        clip_ids: bytes [clips].
        pooled: The embeddings pooled over windows, float32 [clips, D], of `mean_max` [clips, 2 D].
        targets: Class ids, int64 [clips], of clips with one label; ones and zeros, float32 [clips,
            classes], of clips with several.
        windows: Embeddings of all windows, ragged float32 [clips, n, D], for the pooling
            `attention`; `pooled` then holds their means. None for other poolings.
    """

    clip_ids: np.ndarray
    pooled: np.ndarray
    targets: np.ndarray
    windows: tf.RaggedTensor | None = None


def load_embedded_clips(
    file_patterns: list[str],
    size: int,
    classes: int,
    *,
    multi_label: bool,
    pooling: Pooling = "mean",
) -> EmbeddedClips:
    """Loads a split into memory.

    A label that no training clip has is not a class. In a multi-label task, a clip loses this
    label; in a single-label task, the clip is left out.

    The order of the clips does not depend on how the records are spread over files. Training with
    a seed therefore gives the same head on every machine and runner.

    Args:
        file_patterns: The gzip TFRecord files of the split.
        size: The number of features of a window, D.
        classes: The number of classes.
        multi_label: Whether a clip may have any number of labels.
        pooling: Method that pools the windows of a clip.

    Returns:
        The split's clips.
    """
    files = sorted(file for pattern in file_patterns for file in tf.io.gfile.glob(pattern))
    spec = clip_examples.embedding_spec(size)
    fixed_pooling: Pooling = "mean" if pooling == "attention" else pooling
    clip_ids, pooled, targets, windows = [], [], [], []
    for records in tf.data.TFRecordDataset(files, "GZIP").batch(_CLIPS_A_BATCH):
        parsed = tf.io.parse_example(records, spec)
        clip_ids.append(parsed[clip_examples.CLIP_ID].numpy())
        pooled.append(pool_windows(parsed[clip_examples.EMBEDDING], fixed_pooling).numpy())
        if pooling == "attention":
            windows.append(parsed[clip_examples.EMBEDDING])
        targets.append(_targets(parsed[clip_examples.LABEL_IDS], classes, multi_label))
    ids, known_targets = np.concatenate(clip_ids), np.concatenate(targets)
    order = np.argsort(ids)
    if not multi_label:
        order = order[known_targets[order] >= 0]
    return EmbeddedClips(
        ids[order],
        np.concatenate(pooled)[order],
        known_targets[order],
        tf.gather(tf.concat(windows, axis=0), order) if windows else None,
    )


def _targets(label_ids: tf.RaggedTensor, classes: int, multi_label: bool) -> np.ndarray:
    if not multi_label:
        return label_ids.to_tensor(-1, shape=[None, 1])[:, 0].numpy()
    # An extra last column takes the labels that are not classes, -1.
    targets = np.zeros([int(label_ids.nrows()), classes + 1], np.float32)
    targets[label_ids.value_rowids().numpy(), label_ids.values.numpy()] = 1
    return targets[:, :classes]
