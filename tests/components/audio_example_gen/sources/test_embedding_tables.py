"""Tables of embeddings: every format gives the same clips, and every fault has its sentence."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from generation import generate

from components.audio_example_gen.sources import list_source
from components.audio_example_gen.sources.embedding_tables.clip_listing import (
    read_listed_vectors,
    read_size,
)
from components.audio_example_gen.sources.listing import Listing, SourceFile
from components.file_trees.data_root import open_tree
from components.file_trees.refusals import Reject
from schema import clip_examples
from schema.config.source_settings import SourceSettings
from schema.config.split_settings import SplitSettings
from vggish.errors import DataSetError

D = 4
CLIPS = 30
NAMES = [f"{i}.wav" for i in range(CLIPS)]
LABELS = ["ab"[i % 2] for i in range(CLIPS)]
VECTORS = np.random.default_rng(0).normal(size=[CLIPS, D]).astype(np.float32)


def numbered(vectors: np.ndarray, prefix: str = "emb_") -> dict[str, np.ndarray]:
    return {f"{prefix}{i}": column for i, column in enumerate(vectors.T)}


def write_text(path: Path, columns: dict[str, Any], delimiter: str = ",") -> None:
    with path.open("w", newline="") as file:
        lines = csv.writer(file, delimiter=delimiter)
        lines.writerow(columns)
        lines.writerows(zip(*columns.values(), strict=True))


def write(path: Path, columns: dict[str, Any]) -> None:
    if path.suffix == ".parquet":
        pq.write_table(pa.table(columns), path)
    else:
        write_text(path, columns, "\t" if path.suffix == ".tsv" else ",")


def source(root: Path, *tables: dict, **settings: Any) -> dict[str, Any]:
    tables = tables or ({"file": "t.csv"},)
    return {"kind": "embeddings", "root": str(root), "tables": list(tables)} | settings


def listed(root: Path, *tables: dict, split: dict | None = None, **settings: Any) -> Listing:
    parsed = SourceSettings.model_validate(source(root, *tables, **settings))
    read_size(parsed, open_tree(parsed.root))
    return list_source(parsed, SplitSettings(**(split or {})))


def complaint(root: Path, *tables: dict, **settings: Any) -> str:
    with pytest.raises(DataSetError) as error:
        listed(root, *tables, **settings)
    return str(error.value)


@dataclass(frozen=True)
class Read:
    """The clips of a source, and what is said of those that are refused."""

    files: dict[str, SourceFile]
    windows: dict[str, np.ndarray]
    refused: dict[str, Reject]

    @property
    def details(self) -> dict[str, str]:
        return {name: reject.detail for name, reject in self.refused.items()}

    @property
    def all_windows(self) -> np.ndarray:
        return np.array([self.windows[name].ravel() for name in NAMES])


def read(root: Path, *tables: dict, **settings: Any) -> Read:
    parsed = SourceSettings.model_validate(source(root, *tables, **settings))
    listing = list_source(parsed)
    found = Read({file.clip_id: file for file in listing.files}, {}, {})
    for file, vectors in read_listed_vectors(parsed, open_tree(parsed.root), listing.files):
        if isinstance(vectors, Reject):
            found.refused[file.clip_id] = vectors
        else:
            found.windows[file.clip_id] = vectors
    assert len(found.files) == len(listing.files) == len(found.windows) + len(found.refused)
    return found


def as_csv(root: Path) -> str:
    write(root / "t.csv", {"fname": NAMES, "labels": LABELS, **numbered(VECTORS)})
    return "t.csv"


def as_tsv(root: Path) -> str:
    write(root / "t.tsv", {"fname": NAMES, **numbered(VECTORS), "labels": LABELS})
    return "t.tsv"


def as_columns(root: Path) -> str:
    write(root / "t.parquet", {"fname": NAMES, "labels": LABELS, **numbered(VECTORS)})
    return "t.parquet"


def as_lists(root: Path) -> str:
    lists = {"labels": [[label] for label in LABELS], "embedding": VECTORS.tolist()}
    write(root / "t.parquet", {"fname": NAMES, **lists})
    return "t.parquet"


def as_windows(root: Path) -> str:
    kind = pa.list_(pa.list_(pa.float32(), D))
    lists = {"labels": [[label] for label in LABELS]}
    windows = pa.array(VECTORS[:, np.newaxis].tolist(), kind)
    write(root / "t.parquet", {"fname": NAMES, **lists, "embedding": windows})
    return "t.parquet"


def as_arrays(root: Path) -> str:
    np.savez(root / "t.npz", fname=NAMES, labels=LABELS, embeddings=VECTORS)
    return "t.npz"


def as_compressed_windows(root: Path) -> str:
    windows = VECTORS[:, np.newaxis].astype(np.float64)
    np.savez_compressed(root / "t.npz", fname=NAMES, labels=LABELS, embeddings=windows)
    return "t.npz"


@pytest.mark.parametrize(
    "write_form",
    [as_csv, as_tsv, as_columns, as_lists, as_windows, as_arrays, as_compressed_windows],
)
def test_every_format_gives_the_same_clips(
    tmp_path: Path, write_form: Callable[[Path], str]
) -> None:
    found = read(tmp_path, {"file": write_form(tmp_path)})
    np.testing.assert_array_equal(found.all_windows, VECTORS)
    assert found.all_windows.dtype == np.float32
    assert [found.files[name].labels for name in NAMES] == [(label,) for label in LABELS]
    assert {file.split for file in found.files.values()} == {"train", "eval", "test"}


def test_any_names_of_columns(tmp_path: Path) -> None:
    columns = {"path": NAMES, "class": LABELS, "speaker": NAMES, **numbered(VECTORS, "x")}
    write_text(tmp_path / "t.csv", columns, ";")
    table = {"file": "t.csv", "fname": "path", "labels": "class", "group": "speaker"}
    found = read(tmp_path, table | {"delimiter": ";"})
    np.testing.assert_array_equal(found.all_windows, VECTORS)
    assert found.files["3.wav"].group == "3.wav"
    write_text(tmp_path / "t.csv", columns | numbered(VECTORS, "y"), ";")
    said = complaint(tmp_path, table | {"delimiter": ";"})
    assert "has the numbered columns 'x0', 'y0'; set `vectors` of the table" in said
    listed(tmp_path, table | {"delimiter": ";", "vectors": "y"})


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_rows_of_a_name_are_windows_in_the_order_of_time(tmp_path: Path, suffix: str) -> None:
    """The rows are shuffled, so that windows of a clip are far apart."""
    names = np.repeat(NAMES, 3)
    windows = np.random.default_rng(1).normal(size=[len(names), D]).astype(np.float32)
    times = np.tile([0.0, 0.96, 10.0], CLIPS)
    order = np.random.default_rng(2).permutation(len(names))
    columns = {"fname": names, "labels": np.repeat(LABELS, 3), **numbered(windows)}
    shuffled = {name: column[order] for name, column in columns.items()}
    expected = windows.reshape(CLIPS, -1)
    write(tmp_path / f"t{suffix}", shuffled | {"start_seconds": times[order]})
    found = read(tmp_path, {"file": f"t{suffix}"})
    np.testing.assert_array_equal(found.all_windows, expected)
    write(tmp_path / f"t{suffix}", columns)
    found = read(tmp_path, {"file": f"t{suffix}"})
    np.testing.assert_array_equal(found.all_windows, expected)


def test_windows_of_any_number_in_an_archive_of_embed(tmp_path: Path) -> None:
    splits = np.concatenate([[0], np.cumsum(1 + np.arange(CLIPS) % 3)])
    windows = np.random.default_rng(1).normal(size=[splits[-1], D]).astype(np.float32)
    np.savez(
        tmp_path / "t.npz",
        fname=NAMES,
        labels=LABELS,
        embeddings=windows,
        row_splits=splits,
        real_frames=np.arange(CLIPS),
    )
    found = read(tmp_path, {"file": "t.npz"})
    for i, name in enumerate(NAMES):
        np.testing.assert_array_equal(found.windows[name], windows[splits[i] : splits[i + 1]])


def test_several_labels_and_tables_of_splits(tmp_path: Path) -> None:
    labels = [["a", "b", "a,b"][i % 3] for i in range(CLIPS)]
    columns = {"fname": NAMES, "labels": labels, **numbered(VECTORS)}
    for i, name in enumerate(("train/1.csv", "train/2.csv", "test.csv")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        part = {key: column[10 * i : 10 * i + 10] for key, column in columns.items()}
        write(tmp_path / name, part)
    separated = {"label_separator": ","}
    tables = (
        {"file": "train/*.csv"} | separated,
        {"file": "test.csv", "all_in": "test"} | separated,
    )
    listing = listed(tmp_path, *tables, split={"kind": "tables"})
    by_name = {file.clip_id: file for file in listing.files}
    assert by_name["2.wav"].labels == ("a", "b")
    other = tmp_path / "runs" / "train" / "3.csv"  # A wildcard stays within a folder.
    other.parent.mkdir(parents=True)
    other.write_text("not read")
    assert listed(tmp_path, *tables, split={"kind": "tables"}).files == listing.files
    in_test = {name for name, file in by_name.items() if file.split == "test"}
    assert in_test == set(NAMES[20:])


def test_a_pipelines_own_table_becomes_examples(tmp_path: Path) -> None:
    """It has splits, clips without labels, a copy in two splits, and a row without a number."""
    splits = ["train"] * 20 + ["eval"] * 4 + ["test"] * 4 + ["unlabelled"] * 2
    labels = [[label] for label in LABELS[:28]] + [[], []]
    vectors = VECTORS.copy()
    vectors[27] = vectors[0]
    vectors[1, 2] = np.nan
    columns = {"fname": NAMES, "labels": labels, "split": splits, **numbered(vectors)}
    write(tmp_path / "t.parquet", columns)
    settings = source(tmp_path, {"file": "t.parquet"})
    found = generate(tmp_path / "out", settings, {}, {"kind": "column"})
    assert found.summary["by_split"] == {"train": 18, "eval": 4, "test": 4, "unlabelled": 2}
    assert found.rejects == {"0.wav": "duplicate", "1.wav": "non_finite"}
    assert found.summary["found"] == CLIPS == found.summary["accepted"] + 2
    clip = found.clips["29.wav"]
    assert (clip.split, clip.labels, clip.pcm) == ("unlabelled", (), b"")
    np.testing.assert_array_equal(np.float32(clip.embedding), VECTORS[29])
    files = [str(file) for file in (tmp_path / "out").glob("node/examples/1/Split-test/*")]
    records = list(tf.data.TFRecordDataset(files).as_numpy_iterator())
    parsed = tf.io.parse_example(records, clip_examples.duration_spec())
    assert set(parsed["duration"].numpy()) == {-1}  # Unknown, as the Evaluator reads it.


def bad_rows(root: Path, suffix: str) -> dict[str, str]:
    """Writes a table with one row of each fault; returns what is said of the clips."""
    columns: dict[str, Any] = {
        "fname": [*NAMES, *NAMES[:2]],
        "labels": [*LABELS, "a", "a"],
        "start_seconds": [0.0] * CLIPS + [1.0, 1.0],
    }
    vectors = np.concatenate([VECTORS, VECTORS[:2]]).astype(object)
    columns |= numbered(vectors)
    text = suffix == ".csv"
    columns["emb_3"][2] = "" if text else None
    columns["emb_1"][3] = "nan" if text else float("nan")
    columns["emb_2"][4] = "-inf" if text else float("-inf")
    columns["labels"][6] = "" if text else None
    columns["fname"][7] = "" if text else None
    columns["start_seconds"][8] = "" if text else None
    columns["start_seconds"][31] = 0.0
    said = {
        "1.wav": "rows 2 and 32 of {} have the same name, but 'b' and 'a' in the column labels",
        "2.wav": "row 3 of {} has no value in the column emb_3",
        "3.wav": "row 4 of {} has nan in the column emb_1, which is no finite float32 number",
        "4.wav": "row 5 of {} has -inf in the column emb_2, which is no finite float32 number",
        "6.wav": "the source gives it no label",
        "t{}#row=8": "row 8 of {} has no value in the column fname",
        "8.wav": "row 9 of {} has no value in the column start_seconds",
    }
    if text:
        columns["emb_0"][5] = "loud"
        columns["emb_0"][9] = " 1.5 "  # Spaces do no harm.
        said["5.wav"] = "row 6 of {} has 'loud' in the column emb_0, which is no number"
    write(root / f"t{suffix}", columns)
    return {k.format(suffix): text.format(f"t{suffix}") for k, text in said.items()}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_bad_rows_are_refused_by_row_and_column(tmp_path: Path, suffix: str) -> None:
    said = bad_rows(tmp_path, suffix)
    found = read(tmp_path, {"file": f"t{suffix}"})
    assert found.details == said
    reasons = {reject.reason for reject in found.refused.values()}
    assert reasons - {"not_a_number"} == {"conflict", "missing_value", "non_finite", "no_label"}
    assert found.windows["0.wav"].shape == (2, D)


def test_bad_lists_are_refused(tmp_path: Path) -> None:
    lists: list[Any] = VECTORS.tolist()
    lists[1] = lists[1][:3]
    lists[2] = None
    lists[3] = [1.0, None, 2.0, 3.0]
    write(tmp_path / "t.parquet", {"fname": NAMES, "labels": LABELS, "embedding": lists})
    found = read(tmp_path, {"file": "t.parquet"})
    assert found.details == {
        "1.wav": "row 2 of t.parquet has a vector of 3 numbers in the column embedding, but others "
        "have 4",
        "2.wav": "row 3 of t.parquet has no vector in the column embedding",
        "3.wav": "row 4 of t.parquet has no value in place 1 of the column embedding",
    }
    np.testing.assert_array_equal(found.windows["0.wav"], VECTORS[:1])


def test_two_rows_of_a_time_are_refused(tmp_path: Path) -> None:
    columns = {"fname": [*NAMES, "1.wav"], "labels": [*LABELS, "b"], "start_seconds": [0.5] * 31}
    write(tmp_path / "t.csv", columns | numbered(np.concatenate([VECTORS, VECTORS[1:2]])))
    assert {f.clip_id: f.refused.detail for f in listed(tmp_path).files if f.refused} == {
        "1.wav": "rows 2 and 31 of t.csv have the same name and the same value in the column "
        "start_seconds, 0.5"
    }


def test_a_clip_in_two_tables_is_refused_in_both(tmp_path: Path) -> None:
    as_csv(tmp_path)
    part = {"fname": NAMES[:1], "labels": LABELS[:1], **numbered(VECTORS[:1])}
    write(tmp_path / "u.csv", part)
    found = read(tmp_path, {"file": "t.csv"}, {"file": "u.csv"})
    both = "is in t.csv and in u.csv; the rows of a clip must be in one table"
    assert found.details == {"0.wav": both, "u.csv#0.wav": both}


def without(columns: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: column for name, column in columns.items() if name not in names}


def test_faults_of_a_table_are_told_at_once(tmp_path: Path) -> None:
    columns = {"fname": NAMES, "labels": LABELS, **numbered(VECTORS)}
    path = tmp_path / "t.csv"
    write(path, without(columns, "labels"))
    assert "t.csv has no column 'labels'; it has 'fname', 'emb_0'" in complaint(tmp_path)
    write(path, without(columns, "emb_2"))
    assert "t.csv has a column 'emb_3', but no 'emb_2'" in complaint(tmp_path)
    write(path, without(columns, "emb_0", "emb_1", "emb_2", "emb_3"))
    assert "t.csv has no columns emb_0, emb_1 and so on" in complaint(tmp_path)
    write(path, columns)
    assert "There is no table u.csv" in complaint(tmp_path, {"file": "u*.csv"}).replace("*", "")
    assert "u.csv cannot be read" in complaint(tmp_path, {"file": "u.csv"})
    assert "no column 'who'" in complaint(tmp_path, {"file": "t.csv", "group": "who"})
    write(tmp_path / "u.csv", without(columns, "emb_3"))
    said = complaint(tmp_path, {"file": "?.csv"})
    assert "The vectors of t.csv have 4 numbers, but those of u.csv have 3" in said
    with path.open("a") as file:
        file.write("x,a,1\n")
    assert "t.csv has 3 values in row 31, but 6 columns" in complaint(tmp_path)
    path.write_bytes(b"fname,labels,emb_0\n\xff,a,1\n")
    assert "is no CSV file in UTF-8" in complaint(tmp_path)
    path.write_text("fname,labels,emb_0,emb_0\n")
    assert "two columns 'emb_0'" in complaint(tmp_path)
    path.write_text("")
    assert "t.csv has no columns" in complaint(tmp_path)
    path.write_text("fname,labels,emb_0\n")
    assert "has no rows of embeddings" in complaint(tmp_path)
    (tmp_path / "t.parquet").write_bytes(b"PAR1 is not all")
    assert "is not a Parquet file" in complaint(tmp_path, {"file": "t.parquet"})
    (tmp_path / "t.npz").write_bytes(b"no zip")
    assert "is not an archive of NumPy arrays" in complaint(tmp_path, {"file": "t.npz"})
    (tmp_path / "t.xlsx").touch()
    assert "its name must end with one of .csv" in complaint(tmp_path, {"file": "t.xlsx"})


def test_no_objects_are_loaded(tmp_path: Path) -> None:
    table = {"file": "t.npz"}
    np.savez(tmp_path / "t.npz", labels=np.array(LABELS, object), embeddings=VECTORS)
    assert "The array 'labels' of t.npz holds Python objects" in complaint(tmp_path, table)
    np.savez(tmp_path / "t.npz", labels=LABELS[:3], embeddings=VECTORS)
    assert "has the shape [3], but there are 30 clips" in complaint(tmp_path, table)
    np.savez(tmp_path / "t.npz", labels=LABELS, embeddings=VECTORS[0])
    assert "it must be [clips, D] or [clips, n, D]" in complaint(tmp_path, table)
    np.savez(tmp_path / "t.npz", labels=LABELS, embeddings=VECTORS)
    assert listed(tmp_path, table).files[0].clip_id == "t.npz#row=1"
