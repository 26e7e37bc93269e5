from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from trees import write_sound, write_sounds, write_table

from components.audio_example_gen.sources import list_source
from components.audio_example_gen.sources.listing import Listing
from schema.config.source_settings import SourceSettings
from schema.config.split_settings import SplitSettings
from vggish.errors import DataSetError

HEADER = ["path", "labels"]


def list_manifest(
    root: Path | str, *tables: dict, split: dict | None = None, **settings: object
) -> Listing:
    source = SourceSettings(
        kind="manifest", root=str(root), tables=tables or ({"file": "clips.csv"},), **settings
    )
    return list_source(source, SplitSettings(**(split or {})))


def refusals(listing: Listing) -> dict[str, str]:
    return {f.clip_id: f.refused.reason for f in listing.files if f.refused}


def complaint(root: Path, *tables: dict, **settings: object) -> str:
    with pytest.raises(DataSetError) as error:
        list_manifest(root, *tables, **settings)
    return str(error.value)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with four sounds."""
    write_sounds(tmp_path, "a/1.wav", "a/2.wav", "b/ü 3.wav", "4")
    return tmp_path


ROWS = [
    ["a/1.wav", "dog"],
    ["./a/2.wav", "cat"],
    ["b/../b/ü 3.wav", "dog"],
    ["4", "cat"],
]
EXPECTED = {"a/1.wav": ("dog",), "a/2.wav": ("cat",), "b/ü 3.wav": ("dog",), "4": ("cat",)}


def write_parquet(path: Path, rows: list[list]) -> None:
    columns = list(zip(*rows[1:], strict=True))
    pq.write_table(pa.table(dict(zip(rows[0], columns, strict=True))), path)


@pytest.mark.parametrize("name", ["clips.csv", "clips.tsv", "clips.txt", "clips.parquet", "odd"])
def test_tables_of_every_kind_say_the_same(root: Path, name: str) -> None:
    rows = [HEADER, *ROWS]
    if name.endswith("parquet"):
        write_parquet(root / name, rows)
    else:
        write_table(root / name, rows, "," if name.endswith(("csv", "odd")) else "\t")
    listing = list_manifest(root, {"file": name})
    assert {f.clip_id: f.labels for f in listing.files} == EXPECTED
    assert not refusals(listing)


def test_a_table_may_lack_a_header_and_have_any_delimiter_and_a_byte_order_mark(root: Path) -> None:
    lines = "".join(f"{path};{label};\n" for path, label in ROWS)
    (root / "meta.csv").write_text(lines, encoding="utf-8-sig")
    columns = ["path", "labels", "nothing"]
    table = {"file": "meta.csv", "delimiter": ";", "columns": columns}
    listing = list_manifest(root, table)
    assert {f.clip_id: f.labels for f in listing.files} == EXPECTED


def test_columns_are_found_by_name(root: Path) -> None:
    header = ["name", "folder", "class", "speaker", "fold", "split"]
    rows = [["1", "a", "dog", "ann", "1", ""], ["2", "a", "cat", "", "2", "x"]]
    write_table(root / "clips.csv", [header, *rows])
    table = {"file": "clips.csv", "path": "{folder}/{name}.wav", "labels": "class"}
    first, second = list_manifest(root, table | {"group": "speaker"}).files
    assert (first.clip_id, first.labels, first.group, first.fold) == (
        "a/1.wav",
        ("dog",),
        "ann",
        "1",
    )
    assert (second.group, second.said_split) == (None, "x")


def test_labels_are_separated_only_where_the_table_says_so(root: Path) -> None:
    write_table(root / "clips.csv", [HEADER, ["a/1.wav", "dog, cat,,dog"], ["a/2.wav", "cat"]])
    table = {"file": "clips.csv", "label_separator": ","}
    assert [f.labels for f in list_manifest(root, table).files] == [("dog", "cat"), ("cat",)]
    assert list_manifest(root).files[0].labels == ("dog, cat,,dog",)


def test_parquet_may_hold_lists_of_labels(root: Path) -> None:
    rows = [HEADER, ["a/1.wav", ["dog", "cat"]], ["a/2.wav", ["cat"]], ["4", []]]
    write_parquet(root / "clips.parquet", rows)
    listing = list_manifest(root, {"file": "clips.parquet"})
    assert [f.labels for f in listing.files] == [(), ("dog", "cat"), ("cat",)]
    assert refusals(listing) == {"4": "no_label"}


def test_rows_that_lead_nowhere_are_refused(root: Path) -> None:
    rows = [HEADER, *ROWS, ["a/5.wav", "dog"], ["../up.wav", "dog"], ["/etc/passwd", "cat"]]
    rows += [["", "dog"], ["a/1.wav", "dog"], ["a", "cat"]]
    write_table(root / "clips.csv", rows)
    write_sound(root.parent / "up.wav")
    assert refusals(list_manifest(root)) == {
        "a/5.wav": "missing_file",
        "../up.wav": "outside_root",
        "/etc/passwd": "outside_root",
        "clips.csv#line=9": "missing_file",
        "a": "unreadable",  # A folder.
    }


def test_absolute_paths_below_the_root_are_taken(root: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(root)
    rows = [[str(link / path) if "/" in path else path, label] for path, label in ROWS]
    write_table(root / "clips.csv", [HEADER, *rows, [str(root / "4"), "cat"]])
    for name in (root, link, root / "a" / ".."):
        assert {f.clip_id: f.labels for f in list_manifest(name).files} == EXPECTED


def test_labels_may_be_missing_or_unknown(root: Path) -> None:
    rows = [*ROWS[:2], ["b/ü 3.wav", " "], ["4", "cow"]]
    write_table(root / "clips.csv", [HEADER, *rows])
    refused = refusals(list_manifest(root, classes=["dog", "cat"]))
    assert refused == {"b/ü 3.wav": "no_label", "4": "unknown_label"}


def test_of_several_labels_the_known_ones_stay(root: Path) -> None:
    rows = [["a/1.wav", "dog,cow"], ["a/2.wav", "cat"], ["4", "cow"]]
    write_table(root / "clips.csv", [HEADER, *rows])
    table = {"file": "clips.csv", "label_separator": ","}
    listing = list_manifest(root, table, classes=["dog", "cat"])
    assert {f.clip_id: f.labels for f in listing.files if not f.refused} == {
        "a/1.wav": ("dog",),
        "a/2.wav": ("cat",),
    }


def test_sounds_that_no_row_names_are_left_out(root: Path) -> None:
    write_table(root / "clips.csv", [["path", "labels", "good"], *([*r, "1"] for r in ROWS[:3])])
    write_sounds(root, "a/unnamed.wav", "c/far.wav")
    assert list_manifest(root).left_out == 1
    table = {"file": "clips.csv", "where": {"good": "1"}}
    assert list_manifest(root, table).left_out == 1
    rows = [[*row, "01"[row[0] != "./a/2.wav"]] for row in ROWS]
    write_table(root / "clips.csv", [["path", "labels", "good"], *rows])
    listing = list_manifest(root, table)
    assert listing.left_out == 2  # The row that `where` drops, and the unnamed one.
    assert "a/2.wav" not in {f.clip_id for f in listing.files}


def test_tables_add_up_and_one_may_have_a_split_of_its_own(root: Path) -> None:
    write_table(root / "one.csv", [HEADER, *ROWS[:2]])
    write_table(root / "two.csv", [HEADER, *ROWS[2:]])
    listing = list_manifest(root, {"file": "one.csv"}, {"file": "two.csv", "all_in": "eval"})
    assert {f.clip_id: f.labels for f in listing.files} == EXPECTED
    assert {f.clip_id for f in listing.files if f.split == "eval"} >= {"4", "b/ü 3.wav"}


def test_unlabelled_folders_need_no_table(root: Path) -> None:
    write_table(root / "clips.csv", [HEADER, *ROWS])
    write_sounds(root, "test/1.wav", "test/2.wav")
    (root / "test" / "README").write_text("The labels are secret.")
    listing = list_manifest(root, unlabelled_folders=["test"])
    assert {f.clip_id for f in listing.files if f.split == "unlabelled"} == {
        "test/1.wav",
        "test/2.wav",
    }
    assert listing.other_files == 1


@pytest.mark.parametrize(
    ("content", "table", "message"),
    [
        ("path,label\na,b\n", {}, "has no column 'labels'; it has 'path', 'label'"),
        ("file,labels\na,b\n", {}, "has no column for the path '{path}'"),
        ("path,labels\na,b,c\n", {}, "has 3 values in line 2, but 2 columns"),
        ('path,labels\n"a"x,b\n', {}, "is broken in line 2"),
        ("path,labels\na,b\n", {"fold": "f"}, "has no column 'f'"),
        ("path,labels\na,b\n", {"where": {"good": "1"}}, "has no column 'good'"),
        ("path,labels\nä,b\n", {}, "is not UTF-8 (byte 12)"),
        ("PAR1", {}, "is not a Parquet file"),
        ("path,labels\n4,dog\n4,cat\n", {}, "in line 2 of clips.csv and in line 3"),
    ],
)
def test_wrong_tables_are_refused_in_a_sentence(
    root: Path, content: str, table: dict, message: str
) -> None:
    (root / "clips.csv").write_text(content, encoding="latin-1")
    found = complaint(root, {"file": "clips.csv"} | table)
    assert message in found
    assert "\n" not in found


def test_a_table_must_be_there(root: Path) -> None:
    assert "absent.csv" in complaint(root, {"file": "absent.csv"})


def test_rows_of_one_file_add_their_labels_where_there_may_be_several(root: Path) -> None:
    rows = [["a/1.wav", "dog"], ["a/1.wav", "cat"], ["a/2.wav", "cat"]]
    write_table(root / "clips.csv", [HEADER, *rows])
    listing = list_manifest(root, {"file": "clips.csv", "label_separator": ";"})
    assert [f.labels for f in listing.files] == [("dog", "cat"), ("cat",)]


def test_other_storages_hold_manifests_alike() -> None:
    remote = "ram://manifest/set"
    tf.io.gfile.makedirs(f"{remote}/a")
    content = "path,labels\na/1.wav,dog\na/2.wav,cat\na/3.wav,cat\n../up.wav,dog\n"
    for name, text in (("clips.csv", content), ("a/1.wav", "x"), ("a/2.wav", "y")):
        with tf.io.gfile.GFile(f"{remote}/{name}", "w") as file:
            file.write(text)
    listing = list_manifest(remote)
    assert [f.clip_id for f in listing.files if not f.refused] == ["a/1.wav", "a/2.wav"]
    assert refusals(listing) == {"a/3.wav": "missing_file", "../up.wav": "outside_root"}


def test_a_change_of_the_table_changes_the_fingerprint(root: Path) -> None:
    write_table(root / "clips.csv", [HEADER, *ROWS])
    first = list_manifest(root).fingerprint
    write_table(root / "clips.csv", [HEADER, *ROWS[:-1], ["4", "dog"]])
    assert list_manifest(root).fingerprint != first


def test_labels_and_folders_may_be_background(root: Path) -> None:
    write_sounds(root, "wind/1.wav", "wind/2.wav")
    rows = [["a/1.wav", "dog;hum"], ["a/2.wav", "cat"], ["b/ü 3.wav", "hum"], ["4", ""]]
    write_table(root / "clips.csv", [HEADER, *rows, ["wind/1.wav", "dog"]])
    table = {"file": "clips.csv", "label_separator": ";"}
    listing = list_manifest(root, table, background=["hum", "wind"])
    found = {f.clip_id: (f.labels, f.background) for f in listing.files if not f.refused}
    assert found == {
        "a/1.wav": (("dog",), False),
        "a/2.wav": (("cat",), False),
        "b/ü 3.wav": ((), True),
        "wind/1.wav": ((), True),
        "wind/2.wav": ((), True),
    }
    assert refusals(listing) == {"4": "no_label"}
    assert listing.left_out == 0
