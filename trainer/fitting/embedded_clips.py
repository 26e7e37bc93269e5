"""Reading the cached embeddings that a frozen head learns from."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import tensorflow as tf

from schema.config.model_settings import Pooling
from schema.embedded_clips import EMBEDDING, FNAME, LABEL_IDS, read_embedded_clips, windows_of
from trainer.heads.pooling import pool_windows, pooled_parts


@dataclass(frozen=True)
class EmbeddedClips:
    """The clips of one split, in the order of their ids.

    Attributes:
        clip_ids: bytes [clips].
        pooled: The embeddings pooled over windows, float32 [clips, D], of `mean_max` [clips, 2 D],
            of `mean_std_max` [clips, 3 D].
        targets: Class ids, int64 [clips], of clips with one label; ones and zeros, float32 [clips,
            classes], of clips with several.
        windows: Embeddings of all windows, ragged float32 [clips, n, D], for the pooling
            `attention`; `pooled` then holds their means. None for other poolings.
    """

    clip_ids: np.ndarray
    pooled: np.ndarray
    targets: np.ndarray
    windows: tf.RaggedTensor | None = None

    def of(self, places: np.ndarray) -> "EmbeddedClips":
        """Returns a copy of some of the clips, by their places, int [clips]."""
        windows = None if self.windows is None else tf.gather(self.windows, places)
        return EmbeddedClips(
            self.clip_ids[places], self.pooled[places], self.targets[places], windows
        )


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
        file_patterns: The Parquet files of the split.
        size: The number of features of a window, D.
        classes: The number of classes.
        multi_label: Whether a clip may have any number of labels.
        pooling: Method that pools the windows of a clip.

    Returns:
        The split's clips.
    """
    files = sorted(file for pattern in file_patterns for file in tf.io.gfile.glob(pattern))
    names = pa.concat_tables(read_embedded_clips(files, [FNAME, LABEL_IDS]))
    ids = np.array([name.encode() for name in names[FNAME].to_pylist()], object)
    targets = _targets(names[LABEL_IDS].to_pylist(), classes, multi_label)
    order = np.argsort(ids)
    if not multi_label:
        order = order[targets[order] >= 0]
    place = np.full(len(ids), -1)
    place[order] = np.arange(len(order))
    # The array is filled in place, because a second copy may not fit into the memory.
    fixed_pooling: Pooling = "mean" if pooling == "attention" else pooling
    pooled = np.empty([len(order), pooled_parts(fixed_pooling) * size], np.float32)
    windows, begin = [], 0
    for clips in read_embedded_clips(files, [EMBEDDING]):
        lengths, values = windows_of(clips)
        ragged = tf.RaggedTensor.from_row_lengths(values, lengths)
        places = place[begin : begin + len(clips)]
        pooled[places[places >= 0]] = pool_windows(ragged, fixed_pooling).numpy()[places >= 0]
        if pooling == "attention":
            windows.append(ragged)
        begin += len(clips)
    return EmbeddedClips(
        ids[order],
        pooled,
        targets[order],
        tf.gather(tf.concat(windows, axis=0), order) if windows else None,
    )


def _targets(label_ids: list[list[int]], classes: int, multi_label: bool) -> np.ndarray:
    if not multi_label:
        return np.array([ids[0] if ids else -1 for ids in label_ids])
    # An extra last column takes the labels that are not classes, -1.
    targets = np.zeros([len(label_ids), classes + 1], np.float32)
    for row, ids in zip(targets, label_ids, strict=True):
        row[ids] = 1
    return targets[:, :classes]
