"""Writing embeddings, clip by clip, as CSV, Parquet, NumPy arrays or AudioSet's records.

Memory does not grow with the number of clips, except for the names of an `.npz` file.
"""

import os
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
from vggish.embedding.audio_set_records import write_records
from vggish.embedding.clip_embedding import ClipEmbedding
from vggish.errors import VggishError
from vggish.networks.network import Feature
from vggish.networks.vggish_network import VGGISH
from vggish.output_files import output_file

_TABLE_BUFFER_BYTES = 1 << 25


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
def open_embedding_file(
    path: str | os.PathLike[str], layout: EmbeddingLayout
) -> Iterator[WriteClip]:
    """Opens a file of embeddings in the format of its extension.

    The file appears by an atomic rename at the end of the block, and not at all after an error.

    Args:
        path: Path or address with the extension `.csv`, `.parquet`, `.npz` or `.tfrecord`; its
            folder is made if necessary.
        layout: Content of the file.

    Yields:
        A function that writes one clip.

    Raises:
        VggishError: The format does not exist, or cannot hold the layout.
    """
    folder, name = os.path.split(os.fspath(path))
    extension = os.path.splitext(name)[1]
    formats: dict[str, Callable[[Path], AbstractContextManager[WriteClip]]] = {
        ".csv": lambda file: _table(file, layout),
        ".parquet": lambda file: _table(file, layout),
        ".npz": lambda file: _arrays(file, layout),
        ".tfrecord": lambda file: write_records(file, folder or "."),
    }
    if extension not in formats:
        raise VggishError(
            f"Embeddings cannot be written to {path}: its name must end with one of "
            f"{', '.join(formats)}."
        )
    if extension == ".tfrecord" and not layout.quantised:
        raise VggishError(
            f"{path} would be in AudioSet's format, which holds 8-bit post-processed embeddings; "
            "post-process them, or choose another format."
        )
    with output_file(path) as file, formats[extension](file) as write:
        yield write


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
