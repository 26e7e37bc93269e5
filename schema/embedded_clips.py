"""The clips of EmbeddingExporter: Parquet files, for the Trainers and for people's own scripts."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from vggish.distances.gaussian import Gaussian

FNAME = "fname"
LABELS = "labels"
LABEL_IDS = "label_ids"
EMBEDDING = "embedding"


def embedded_clips_schema(size: int) -> pa.Schema:
    """Returns the columns of the files.

    Args:
        size: Number of features of a window, D.

    Returns:
        `fname`, the clip's id; `labels`, the names of its classes; `label_ids`, their numbers, -1
        for a label that is not a class; `embedding`, a list of windows of D float32 values.
    """
    return pa.schema(
        {
            FNAME: pa.string(),
            LABELS: pa.list_(pa.string()),
            LABEL_IDS: pa.list_(pa.int64()),
            EMBEDDING: pa.list_(pa.list_(pa.float32(), size)),
        }
    )


def to_table(
    fnames: Sequence[str],
    labels: Sequence[Sequence[str]],
    label_ids: Sequence[Sequence[int]],
    lengths: np.ndarray,
    windows: np.ndarray,
) -> pa.Table:
    """Builds a table of clips; the windows are not copied.

    Args:
        fnames: The clips' ids.
        labels: The names of their classes.
        label_ids: The numbers of their classes.
        lengths: Windows of each clip, int [clips].
        windows: The windows of all clips, float32 [w, D].
    """
    size = windows.shape[1]
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(windows.ravel()), size)
    offsets = np.cumsum([0, *lengths]).astype(np.int32)
    columns = [fnames, labels, label_ids, pa.ListArray.from_arrays(offsets, vectors)]
    return pa.Table.from_arrays(columns, schema=embedded_clips_schema(size))


def windows_of(clips: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Reads the column `embedding`.

    Returns:
        The windows of each clip, int64 [clips], and the windows of all clips, float32 [w, D].
    """
    column = clips[EMBEDDING].combine_chunks()
    vectors = column.flatten()
    lengths = column.value_lengths().to_numpy(zero_copy_only=False)
    windows = vectors.flatten().to_numpy(zero_copy_only=False)
    return lengths.astype(np.int64), windows.reshape(-1, vectors.type.list_size)


def read_embedded_clips(
    files: Sequence[str], columns: Sequence[str] | None = None
) -> Iterator[pa.Table]:
    """Reads files a row group at a time; a row group has at most a few hundred windows, or a clip.

    Args:
        files: Paths on any storage that TensorFlow reads.
        columns: Names of the columns to read; None for all.
    """
    for path in files:
        with _OpenFile(path, "rb") as file:
            parquet = pq.ParquetFile(pa.PythonFile(file, mode="r"))
            for group in range(parquet.num_row_groups):
                yield parquet.read_row_group(group, columns=columns)


def window_statistics(file_patterns: Sequence[str]) -> Gaussian | None:
    """Computes mean and covariance of all windows of a split; None if it has no window.

    Args:
        file_patterns: The split's files.
    """
    files = sorted(file for pattern in file_patterns for file in tf.io.gfile.glob(pattern))
    clips = read_embedded_clips(files, [EMBEDDING])
    return Gaussian.of_batches(windows_of(table)[1] for table in clips)


class _OpenFile(tf.io.gfile.GFile):
    closed = False  # PyArrow asks, and TensorFlow's files do not say.
