"""Writing embeddings, clip by clip, as CSV, Parquet, NumPy arrays or AudioSet's records.

Memory does not grow with the number of clips, except for the names of an `.npz` file.
"""

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from vggish import params
from vggish.errors import VggishError
from vggish.networks.network import Feature
from vggish.networks.vggish_network import VGGISH

_TABLE_BUFFER_BYTES = 1 << 25


@dataclass(frozen=True)
class ClipEmbedding:
    """The features of one clip.

    Attributes:
        fname: Name of the file.
        label: Class of the file, or None without labels.
        duration: Length of the source in seconds.
        real_frames: Number of 10 ms frames that are not padding.
        vectors: Features [windows, size], float32 or uint8.
    """

    fname: str
    label: str | None
    duration: float
    real_frames: int
    vectors: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """The average over the windows, float32 [size]."""
        average: np.ndarray = self.vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        return average


@dataclass(frozen=True)
class EmbeddingLayout:
    """The content of a file of embeddings.

    Attributes:
        feature: Layer tap of the vectors.
        hop_samples: Samples between the starts of windows.
        by_window: Whether to write every window, or the average per clip.
        labels: Whether clips have labels.
        quantised: Whether vectors are post-processed to 8 bits.

    Raises:
        VggishError: The feature cannot be post-processed.
    """

    feature: Feature
    hop_samples: int = params.WINDOW_HOP_SAMPLES
    by_window: bool = False
    labels: bool = False
    quantised: bool = False

    def __post_init__(self) -> None:
        if self.quantised and self.feature != VGGISH.find_feature("embedding"):
            raise VggishError(
                f"The features {self.feature.name!r} cannot be post-processed, since the "
                "principal components are those of VGGish's embedding; choose the features "
                "'embedding' of the network vggish."
            )


WriteClip = Callable[[ClipEmbedding], None]


@contextmanager
def open_embedding_file(path: Path, layout: EmbeddingLayout) -> Iterator[WriteClip]:
    """Opens a file of embeddings in the format of its extension.

    The file appears by an atomic rename at the end of the block, and not at all after an error.

    Args:
        path: Path with the extension `.csv`, `.parquet`, `.npz` or `.tfrecord`; its folder is made
            if necessary.
        layout: Content of the file.

    Yields:
        A function that writes one clip.

    Raises:
        VggishError: The format does not exist, or cannot hold the layout.
    """
    formats: dict[str, Callable[[Path, EmbeddingLayout], AbstractContextManager[WriteClip]]] = {
        ".csv": _table,
        ".parquet": _table,
        ".npz": _arrays,
        ".tfrecord": _sequence_examples,
    }
    if path.suffix not in formats:
        raise VggishError(
            f"Embeddings cannot be written to {path}: its name must end with one of "
            f"{', '.join(formats)}."
        )
    if path.suffix == ".tfrecord" and not layout.quantised:
        raise VggishError(
            f"{path} would be in AudioSet's format, which holds 8-bit post-processed embeddings; "
            "post-process them, or choose another format."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays last, since it names the format.
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        with formats[path.suffix](partial, layout) as write:
            yield write
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _table(path: Path, layout: EmbeddingLayout) -> Iterator[WriteClip]:
    """CSV or Parquet: `fname`, `labels`?, `start_seconds` of a window?, `emb_0` and so on."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    value_type = pa.uint8() if layout.quantised and layout.by_window else pa.float32()
    names = ["fname"] + ["labels"] * layout.labels + ["start_seconds"] * layout.by_window
    types = [pa.string()] * (1 + layout.labels) + [pa.float64()] * layout.by_window
    fields = list(zip(names, types, strict=True))
    fields += [(f"emb_{i}", value_type) for i in range(layout.feature.size)]
    schema = pa.schema(fields)
    rows_a_batch = max(1, _TABLE_BUFFER_BYTES // (4 * layout.feature.size))
    rows: list[tuple[Any, ...]] = []

    def flush() -> None:
        if rows:
            *heads, vectors = zip(*rows, strict=True)
            columns = [pa.array(head) for head in heads]
            columns += [pa.array(column) for column in np.ascontiguousarray(np.stack(vectors).T)]
            writer.write_table(pa.table(columns, schema=schema))
            rows.clear()

    def write(clip: ClipEmbedding) -> None:
        head = (clip.fname, clip.label) if layout.labels else (clip.fname,)
        if layout.by_window:
            hop_seconds = layout.hop_samples / params.SAMPLE_RATE
            rows.extend((*head, i * hop_seconds, vector) for i, vector in enumerate(clip.vectors))
        else:
            rows.append((*head, clip.mean))
        if len(rows) >= rows_a_batch:
            flush()

    open_writer = pa.csv.CSVWriter if path.suffix == ".csv" else pa.parquet.ParquetWriter
    with open_writer(str(path), schema) as writer:
        yield write
        flush()


@contextmanager
def _arrays(path: Path, layout: EmbeddingLayout) -> Iterator[WriteClip]:
    """NumPy arrays in the shape of the feature, so that spectrograms need no reshape.

    `fname` [clips], `labels` [clips]?, `real_frames` int64 [clips] and `embeddings`: float32
    [clips, *shape], or [windows, *shape] with `row_splits` int64 [clips + 1], where clip i has the
    windows from `row_splits[i]` to `row_splits[i + 1]`.
    """
    dtype = np.dtype(np.uint8 if layout.quantised and layout.by_window else np.float32)
    names: list[str] = []
    labels: list[str | None] = []
    real_frames: list[int] = []
    row_splits = [0]
    # The header of an array holds its length, which is known only at the end.
    with tempfile.TemporaryFile(dir=path.parent) as values:

        def write(clip: ClipEmbedding) -> None:
            vectors = clip.vectors if layout.by_window else clip.mean[np.newaxis]
            values.write(vectors.astype(dtype, copy=False).tobytes())
            names.append(clip.fname)
            labels.append(clip.label)
            real_frames.append(clip.real_frames)
            row_splits.append(row_splits[-1] + len(vectors))

        yield write
        arrays = {"fname": np.array(names, np.str_), "real_frames": np.array(real_frames, np.int64)}
        if layout.labels:
            arrays["labels"] = np.array(labels, np.str_)
        if layout.by_window:
            arrays["row_splits"] = np.array(row_splits, np.int64)
        with zipfile.ZipFile(path, "w", allowZip64=True) as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
            with archive.open("embeddings.npy", "w", force_zip64=True) as member:
                _copy_array(values, member, dtype, (row_splits[-1], *layout.feature.shape))


def _copy_array(
    values: IO[bytes], member: IO[bytes], dtype: np.dtype[Any], shape: tuple[int, ...]
) -> None:
    header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(member, header)
    values.seek(0)
    shutil.copyfileobj(values, member)


@contextmanager
def _sequence_examples(path: Path, _layout: EmbeddingLayout) -> Iterator[WriteClip]:
    """The format of AudioSet's released embeddings: one tf.SequenceExample per clip.

    Source: https://research.google.com/audioset/download.html. `video_id` is the file's name;
    `labels`, the class numbers of AudioSet, are empty.
    """
    import tensorflow as tf

    from vggish.example_features import bytes_feature, float_feature, int64_feature

    with tf.io.TFRecordWriter(str(path)) as writer:

        def write(clip: ClipEmbedding) -> None:
            windows = [bytes_feature([vector.tobytes()]) for vector in clip.vectors]
            example = tf.train.SequenceExample(
                context=tf.train.Features(
                    feature={
                        "video_id": bytes_feature([clip.fname.encode()]),
                        "start_time_seconds": float_feature([0.0]),
                        "end_time_seconds": float_feature([clip.duration]),
                        "labels": int64_feature([]),
                    }
                ),
                feature_lists=tf.train.FeatureLists(
                    feature_list={
                        params.AUDIO_EMBEDDING_FEATURE_NAME: tf.train.FeatureList(feature=windows)
                    }
                ),
            )
            writer.write(example.SerializeToString())

        yield write
