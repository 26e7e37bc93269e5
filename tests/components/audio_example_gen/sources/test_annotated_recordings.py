"""Annotated recordings: every form gives the same windows, and every fault has its sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from generation import Generated, generate
from pydantic import ValidationError
from trees import write_sounds, write_table

from components.annotated_test_set import AnnotatedTestSet, read_annotated_test_set
from components.audio_example_gen.sources import list_source
from components.audio_example_gen.sources.annotated_recordings.recording_listing import (
    warnings_about_rows,
)
from components.audio_example_gen.sources.listing import Listing
from schema.config.annotations.annotation_settings import AnnotationSettings
from schema.config.config import Config
from schema.config.source_settings import SourceSettings
from vggish.errors import DataSetError
from vggish.events.detection import Event
from vggish.events.event_files import open_event_file

NIGHTS = [f"night{i}.wav" for i in range(12)]
EVENTS = [Event(1.0, 2.9, "owl"), Event(2.9, 3.1, "fox"), Event(7.9, 8.0, "owl")]
HEADER = ["file", "start", "end", "label"]
ROWS = [[name, 1, 2, "owl" if i % 2 else "fox"] for i, name in enumerate(NIGHTS)]


def write_recording(path: Path, seconds: float = 10.0, rate: int = 16_000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(int(path.stem.removeprefix("night") or 99))
    soundfile.write(path, rng.uniform(-0.5, 0.5, int(seconds * rate)), rate)


def write_events(root: Path, extension: str) -> list[str]:
    """Writes the events of all recordings, in a table or in a table for each."""
    for name in NIGHTS:
        write_recording(root / name)
    if extension in (".csv", ".parquet", ".jsonl"):
        with open_event_file(root / f"all{extension}") as write:
            for name in NIGHTS:
                write(name, 10.0, EVENTS)
        return [f"all{extension}"]
    for name in NIGHTS:
        with open_event_file(root / f"{Path(name).stem}{extension}") as write:
            write(name, 10.0, EVENTS)
    return [f"*{extension}"]


def source(root: Path, *tables: str, classes: list | None = None, **annotations: Any) -> dict:
    found = {"tables": list(tables or ["a.csv"])} | annotations
    return {"kind": "annotations", "root": str(root), "annotations": found, "classes": classes}


def listed(root: Path, *tables: str, **settings: Any) -> Listing:
    return list_source(SourceSettings.model_validate(source(root, *tables, **settings)))


def refusals(root: Path, *tables: str, **settings: Any) -> dict[str, tuple[str, str]]:
    files = listed(root, *tables, **settings).files
    return {f.clip_id: (f.refused.reason, f.refused.detail) for f in files if f.refused}


def complaint(root: Path, *tables: str, **settings: Any) -> str:
    with pytest.raises(DataSetError) as error:
        listed(root, *tables, **settings)
    return str(error.value)


def of(found: Generated, name: str) -> dict[str, tuple[str, ...]]:
    return {
        clip_id.partition("#t=")[2]: clip.labels
        for clip_id, clip in sorted(found.clips.items())
        if clip_id.startswith(f"{name}#")
    }


@pytest.mark.parametrize("extension", [".parquet", ".jsonl", ".selections.txt", ".labels.txt"])
def test_every_form_gives_the_same_events(extension: str, tmp_path: Path) -> None:
    def events(*tables: str) -> list[tuple]:
        return [
            (file.clip_id, file.labels, [(e.start, e.end, e.label) for e in file.events or ()])
            for file in listed(tmp_path, *tables).files
        ]

    expected = events(*write_events(tmp_path, ".csv"))
    assert expected[0] == (
        "night0.wav", ("fox", "owl"), [(1.0, 2.9, "owl"), (2.9, 3.1, "fox"), (7.9, 8.0, "owl")],
    )  # fmt: skip
    assert events(*write_events(tmp_path, extension)) == expected


def test_the_windows_of_recordings_are_clips(tmp_path: Path) -> None:
    root = tmp_path / "in"
    found = generate(tmp_path, source(root, *write_events(root, ".csv"), classes=["owl", "fox"]))
    # 2.9 to 3.1 s is held by the window from 2.88 s, and 7.9 to 8 s by the one from 7.68 s; of the
    # window from 0.96 s, 0.92 s are covered, of the one from 1.92 s all.
    assert of(found, "night3.wav") == {
        "0.00,0.96": (), "0.96,1.92": ("owl",), "1.92,2.88": ("owl",), "2.88,3.84": ("fox",),
        "3.84,4.80": (), "4.80,5.76": (), "5.76,6.72": (), "6.72,7.68": (),
        "7.68,8.64": ("owl",), "8.64,9.60": (), "9.60,10.56": (),
    }  # fmt: skip
    samples, _ = soundfile.read(root / "night3.wav", dtype="int16")
    clip = found.clips["night3.wav#t=1.92,2.88"]
    np.testing.assert_array_equal(np.frombuffer(clip.pcm, "<i2"), samples[30_720:46_320])
    assert (clip.group, clip.source_rate) == ("night3.wav", 16_000)
    summary = found.summary
    assert [summary[key] for key in ("found", "accepted", "rejected")] == [12, 12, 0]
    assert summary["windows"] == {
        "found": 132, "with_events": 48, "background": 84, "left_out": 0,
    }  # fmt: skip
    by_label = {label: sum(splits.values()) for label, splits in summary["by_label"].items()}
    assert by_label == {"fox": 12, "owl": 36}
    assert sum(summary["by_split"].values()) == len(found.clips) == 132
    splits = {
        name: {clip.split for clip_id, clip in found.clips.items() if clip_id.startswith(name)}
        for name in (f"{night}#" for night in NIGHTS)
    }
    assert all(len(of_night) == 1 for of_night in splits.values())
    assert set.union(*splits.values()) == {"train", "eval", "test"}
    assert summary["groups"]["known"] == 12
    tested = {name.removesuffix("#") for name, split in splits.items() if split == {"test"}}
    assert told_test_set(tmp_path) == AnnotatedTestSet(str(root), dict.fromkeys(tested, EVENTS))


def told_test_set(output: Path) -> AnnotatedTestSet | None:
    """The true events of the test recordings, as other nodes learn of them."""
    return read_annotated_test_set(str(output / "node" / "rejects" / "1"))


def test_events_of_incomplete_annotations_are_not_compared(tmp_path: Path) -> None:
    root = tmp_path / "in"
    generate(tmp_path, source(root, *write_events(root, ".csv"), complete=False))
    assert told_test_set(tmp_path) is None


def test_labels_that_are_no_classes_are_told(tmp_path: Path) -> None:
    settings = source(tmp_path, *write_events(tmp_path, ".csv"), one_label=True, classes=["owl"])
    files = list_source(SourceSettings(**settings)).files
    assert [file.labels for file in files] == [("background", "owl")] * 12
    assert warnings_about_rows(files) == [
        "source.classes does not name 'fox', as row 3 of all.csv does (12 rows in all): their time "
        "is left out."
    ]


def test_a_recording_without_events_is_background(tmp_path: Path) -> None:
    tables = write_events(tmp_path, ".labels.txt")
    for i in range(20, 60):
        write_recording(tmp_path / f"night{i}.wav")
        (tmp_path / f"night{i}.labels.txt").write_text("")
    files = {file.clip_id: file for file in listed(tmp_path, *tables).files}
    assert (files["night20.wav"].labels, files["night20.wav"].events) == ((), ())
    assert {files[f"night{i}.wav"].split for i in range(20, 60)} == {"train", "eval", "test"}
    assert refusals(tmp_path, *tables, complete=False)["night21.wav"] == (
        "no_label", "the tables name no event in it, and its annotations are incomplete",
    )  # fmt: skip


def test_background_is_a_class_where_a_window_has_one_label(tmp_path: Path) -> None:
    tables = write_events(tmp_path, ".csv")
    for settings in ({}, {"background": 0.1}):
        assert listed(tmp_path, *tables, one_label=True, **settings).classes == [
            "background", "fox", "owl",
        ]  # fmt: skip
    for settings in ({"complete": False}, {"background": 0.0}):
        assert listed(tmp_path, *tables, one_label=True, **settings).classes == ["fox", "owl"]
    one_class = list_source(
        SourceSettings(**source(tmp_path, *tables, one_label=True, classes=["owl"]))
    )
    assert one_class.classes == ["background", "owl"]


def test_groups_may_be_larger_than_recordings(tmp_path: Path) -> None:
    names = [f"site{i}/night{j}.wav" for i in range(3) for j in range(2)]
    write_sounds(tmp_path, *names)
    write_table(
        tmp_path / "a.csv", [HEADER, *([n, 0, 0.1, "ab"[i % 2]] for i, n in enumerate(names))]
    )
    settings = source(tmp_path) | {"group_pattern": "^(site.)/"}
    files = list_source(SourceSettings.model_validate(settings)).files
    assert [file.group for file in files] == [name[:5] for name in names]


@pytest.mark.parametrize(
    ("table", "named", "recording"),
    [
        ("a.csv", "night/1.wav", None),
        ("night/a.csv", "1.wav", None),
        ("tables/a.csv", "night/1.wav", None),
        ("tables/a.csv", "1.wav", "night/{file}"),
        ("tables/a.csv", "1", "night/{file}.wav"),
        ("tables/a.csv", "elsewhere/1.wav", "night/{name}"),
        ("night/1.csv", "", None),
        ("night/1.wav.csv", "", None),
        ("tables/1.csv", "", "night/{table}.wav"),
        ("tables/night/1.labels.csv", "", "{folder}/{table}.wav"),
        ("night/1.Table.1.selections.txt", "", None),
    ],
)
def test_recordings_are_found(
    table: str, named: str, recording: str | None, tmp_path: Path
) -> None:
    write_sounds(tmp_path, "night/1.wav", "night/2.wav", "night/11.wav")
    write_table(tmp_path / table, [HEADER, [named, 0, 0.1, "owl"], [named, 0, 0.1, "fox"]])
    listing = listed(tmp_path, table, recording=recording)
    assert [(f.clip_id, f.labels, f.refused) for f in listing.files] == [
        ("night/1.wav", ("fox", "owl"), None)
    ]
    assert listing.left_out == 2


@pytest.mark.parametrize(
    ("row", "refusal"),
    [
        (["night0.wav", 2, 1, "owl"],
         ("wrong_time", "row 14 of a.csv ends at 1 s, before it starts at 2 s")),
        (["night0.wav", -1, 1, "owl"],
         ("wrong_time", "row 14 of a.csv starts at -1 s, before the recording")),
        (["night0.wav", "x", 1, "owl"],
         ("not_a_number", "row 14 of a.csv has 'x' as 'start', which is no number")),
        (["night0.wav", 1, 2, ""], ("missing_value", "row 14 of a.csv has no label")),
        (["night0.wav", "", 2, "owl"], ("missing_value", "row 14 of a.csv has no start or no end")),
    ],
)  # fmt: skip
def test_a_bad_row_refuses_its_recording(
    row: list, refusal: tuple[str, str], tmp_path: Path
) -> None:
    write_sounds(tmp_path, *NIGHTS)
    write_table(tmp_path / "a.csv", [HEADER, *ROWS, row])
    assert refusals(tmp_path) == {"night0.wav": refusal}


def test_missing_recordings_are_refused(tmp_path: Path) -> None:
    write_sounds(tmp_path, *NIGHTS, "twice.wav", "twice.flac")
    rows = [*ROWS, ["gone.wav", 1, 2, "owl"], ["", 1, 2, "owl"], ["../x.wav", 1, 2, "owl"]]
    write_table(tmp_path / "a.csv", [HEADER, *rows])
    (tmp_path / "twice.txt").write_text("0\t1\towl\n")
    found = refusals(tmp_path, "a.csv", "twice.txt")
    assert {name: reason for name, (reason, _) in found.items()} == {
        "gone.wav": "missing_file", "a": "missing_file", "../x.wav": "outside_root",
        "twice": "conflict",
    }  # fmt: skip
    assert found["gone.wav"][1].endswith("(row 14 of a.csv)")
    assert found["a"][1] == (
        "no recording is named, and no sound a is beside the table (row 15 of a.csv)"
    )
    assert found["twice"][1] == (
        "no recording is named, and twice.flac and twice.wav are beside the table "
        "(row 1 of twice.txt)"
    )


def test_events_of_one_label_must_not_overlap(tmp_path: Path) -> None:
    write_sounds(tmp_path, *NIGHTS)
    write_table(tmp_path / "a.csv", [HEADER, *ROWS, ["night0.wav", 1.5, 3, "owl"]])
    assert refusals(tmp_path) == {}
    assert refusals(tmp_path, one_label=True) == {
        "night0.wav": (
            "conflict",
            "row 14 of a.csv (owl) overlaps row 2 of a.csv (fox), but source.annotations.one_label "
            "is true",
        )
    }


def test_unknown_labels_refuse_a_recording_that_has_no_other(tmp_path: Path) -> None:
    write_sounds(tmp_path, *NIGHTS)
    write_table(tmp_path / "a.csv", [HEADER, *ROWS, ["night1.wav", 1, 2, "bat"]])
    settings = {"classes": ["owl", "bat"], "complete": False}
    found = refusals(tmp_path, **settings)
    assert list(found) == sorted(NIGHTS[::2])
    assert found["night0.wav"] == (
        "unknown_label", "source.classes does not name fox (row 2 of a.csv)",
    )  # fmt: skip


def test_what_only_the_sound_shows_refuses_a_recording(tmp_path: Path) -> None:
    root = tmp_path / "in"
    names = [f"night{i}.wav" for i in range(60)]
    for name in names:
        write_recording(root / name)
    rows = [[name, 1, 2, "owl" if i % 2 else "fox"] for i, name in enumerate(names)]
    late = [["night0.wav", 10.5, 11, "owl"], ["night1.wav", 5, 10.2, "owl"]]
    fits = [["night2.wav", 9.99, 10.05, "owl"]]
    write_table(root / "a.csv", [HEADER, *rows, *late, *fits])
    sound = (root / "night3.wav").read_bytes()
    flac = root / "night3.flac"
    samples, rate = soundfile.read(root / "night3.wav")
    soundfile.write(flac, samples, rate)
    content = bytearray(flac.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 200] = bytes(200)
    flac.unlink()
    (root / "night3.wav").write_bytes(bytes(content))
    assert sound != bytes(content)
    found = generate(tmp_path, source(root), {"max_reject_fraction": 0.1})
    assert found.rejects == {
        "night0.wav": "wrong_time", "night1.wav": "wrong_time", "night3.wav": "damaged",
    }  # fmt: skip
    test = told_test_set(tmp_path)
    assert test is not None
    assert not test.events.keys() & found.rejects.keys()
    assert found.details["night0.wav"] == (
        "row 62 of a.csv is about 10.5 to 11 s, but the recording night0.wav lasts 10 s"
    )
    assert found.summary["found"] == found.summary["accepted"] + found.summary["rejected"] == 60
    assert not any(clip_id.startswith(tuple(found.rejects)) for clip_id in found.clips)
    assert of(found, "night2.wav")["9.60,10.56"] == ("owl",)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"file,begin,end,label\na.wav,1,2,owl\n", "a.csv has no column 'start' for the start of"),
        (b"file,start,end,label\n\xe9.wav,1,2,owl\n", "a.csv is not UTF-8 in line 2; save it"),
        (b"file,start,end,label\na.wav,1,2\n", "a.csv has 3 values for 4 columns in row 2"),
        (b"PAR1", "a.csv is not a Parquet file"),
    ],
)
def test_other_tables_stop_the_run(content: bytes, sentence: str, tmp_path: Path) -> None:
    write_sounds(tmp_path, "a.wav")
    (tmp_path / "a.csv").write_bytes(content)
    assert sentence in complaint(tmp_path)


def test_a_table_that_is_not_there_stops_the_run(tmp_path: Path) -> None:
    assert "There is no table *.txt in " in complaint(tmp_path, "*.txt")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"hop_seconds": 0.125}, "is not in steps of 0.01; take 0.12"),
        ({"columns": {"lable": "Call"}}, "'lable' is no meaning of a column; .*label"),
        ({"hop_seconds": 1.0}, "less than or equal to 0.96"),
        ({"recording": "{path}"}, "may have {file}, {name}, {table} and {folder}"),
        ({"recording": "a.wav"}, "needs one of {file}, {name} and {table}"),
        ({"complete": False, "background": 0.5}, "means nothing where `complete` is false"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        AnnotationSettings.model_validate(settings)


def test_policies_of_clips_mean_nothing_for_windows(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"ingest\.long means nothing"):
        Config.model_validate({"source": source(tmp_path), "ingest": {"long": "split"}})
    with pytest.raises(ValidationError, match=r"needs `annotations.tables`"):
        SourceSettings(kind="annotations", root="x")
