"""Reading the cached embeddings that a frozen head learns from."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import tensorflow as tf

from schema.config.model_settings import Pooling
from schema.embedded_clips import EMBEDDING, FNAME, LABEL_IDS, read_embedded_clips, windows_of
from trainer.clips.feature_file import FeatureFile, Features, SelectedRows
from trainer.heads.pooling import pool_windows, pooled_parts


@dataclass(frozen=True)
class EmbeddedClips:
    """The clips of one split, in the order of their ids.

    Attributes:
        clip_ids: bytes [clips].
        features: The embeddings pooled over windows, float32 [clips, D], of `mean_max` [clips, 2
            D], of `mean_std_max` [clips, 3 D]; of `attention` those of all windows, [windows, D].
        targets: Class ids, int64 [clips], of clips with one label; ones and zeros, float32 [clips,
            classes], of clips with several.
        windows: Of `attention`, the first row of each clip in `features`, and its number of rows,
            int64 [clips, 2]; None for other poolings.
    """

    clip_ids: np.ndarray
    features: Features
    targets: np.ndarray
    windows: np.ndarray | None = None

    def of(self, places: np.ndarray) -> "EmbeddedClips":
        """Returns some of the clips, by their places, int [clips]; their features are shared."""
        rows, lengths = self.rows_of(places)
        windows = None
        if self.windows is not None:
            windows = np.stack([np.cumsum(lengths) - lengths, lengths], axis=1)
        features = SelectedRows(self.features, rows)
        return EmbeddedClips(self.clip_ids[places], features, self.targets[places], windows)

    def rows_of(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Finds the features of some clips.

        Args:
            places: Places of the clips, int [clips].

        Returns:
            Their rows in `features`, int64 [rows], and the number of rows of each, int64 [clips].
        """
        if self.windows is None:
            return places, np.ones(len(places), np.int64)
        begins, lengths = self.windows[places].T
        first = np.cumsum(lengths) - lengths
        return np.arange(lengths.sum()) + np.repeat(begins - first, lengths), lengths


def load_embedded_clips(
    file_patterns: list[str],
    size: int,
    classes: int,
    *,
    multi_label: bool,
    pooling: Pooling = "mean",
    folder: str | None = None,
) -> EmbeddedClips:
    """Loads a split; its features stay on disk.

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
        folder: Local folder for the features; None: the one for temporary files.

    Returns:
        The split's clips.

    Raises:
        ConfigError: The disk is full.
    """
    files = _files(file_patterns)
    ids, targets, order = _read_targets(files, classes, multi_label)
    place = np.full(len(ids), -1)
    place[order] = np.arange(len(order))
    windows = None
    if pooling == "attention":
        features = FeatureFile(folder, size)
        windows = _store_windows(files, features)[order]
    else:
        features = FeatureFile(folder, pooled_parts(pooling) * size)
        _store_pooled(files, place, pooling, features)
    return EmbeddedClips(ids[order], features, targets[order], windows)


def load_targets(
    file_patterns: list[str], classes: int, *, multi_label: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Loads the clips of a split as `load_embedded_clips` does, without their features.

    Args:
        file_patterns: The Parquet files of the split.
        classes: The number of classes.
        multi_label: Whether a clip may have any number of labels.

    Returns:
        `clip_ids` and `targets` of `EmbeddedClips`.
    """
    ids, targets, order = _read_targets(_files(file_patterns), classes, multi_label)
    return ids[order], targets[order]


def _files(patterns: list[str]) -> list[str]:
    return sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))


def _read_targets(
    files: list[str], classes: int, multi_label: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns ids and targets as they come, and the places of the split's clips in their order."""
    names = pa.concat_tables(read_embedded_clips(files, [FNAME, LABEL_IDS]))
    ids = np.array([name.encode() for name in names[FNAME].to_pylist()], object)
    targets = _targets(names[LABEL_IDS].to_pylist(), classes, multi_label)
    order = np.argsort(ids)
    return ids, targets, order if multi_label else order[targets[order] >= 0]


def _store_pooled(
    files: list[str], place: np.ndarray, pooling: Pooling, stored: FeatureFile
) -> None:
    """Stores the pooled features of each clip, in the row that `place` gives it, if any."""
    begin = 0
    for clips in read_embedded_clips(files, [EMBEDDING]):
        lengths, values = windows_of(clips)
        ragged = tf.RaggedTensor.from_row_lengths(values, lengths)
        places = place[begin : begin + len(clips)]
        pooled = pool_windows(ragged, pooling).numpy()
        stored.write(places[places >= 0], pooled[places >= 0])
        begin += len(clips)


def _store_windows(files: list[str], stored: FeatureFile) -> np.ndarray:
    """Stores all windows, as they come; returns `EmbeddedClips.windows` of all clips."""
    counts = [np.zeros(0, np.int64)]
    for clips in read_embedded_clips(files, [EMBEDDING]):
        lengths, values = windows_of(clips)
        stored.write(len(stored) + np.arange(len(values)), values)
        counts.append(lengths)
    lengths = np.concatenate(counts)
    return np.stack([np.cumsum(lengths) - lengths, lengths], axis=1)


def _targets(label_ids: list[list[int]], classes: int, multi_label: bool) -> np.ndarray:
    if not multi_label:
        return np.array([ids[0] if ids else -1 for ids in label_ids])
    # An extra last column takes the labels that are not classes, -1.
    targets = np.zeros([len(label_ids), classes + 1], np.float32)
    for row, ids in zip(targets, label_ids, strict=True):
        row[ids] = 1
    return targets[:, :classes]
