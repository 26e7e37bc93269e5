"""Tables of events: read back by parsers of the published forms, and by the project's own."""

import csv
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from vggish.errors import AnnotationError, ConfigError
from vggish.events.annotation_tables import Annotation, RowFault, read_annotations
from vggish.events.detection import Event
from vggish.events.event_files import check_event_path, open_event_file

RECORDINGS = [
    ("night/a.wav", 600.5, [Event(0.0, 1.2, "dog", 0.9), Event(0.72, 3.0, 'say "ö", cat', 0.5)]),
    ("silent.wav", 10.0, []),
    ("b.flac", 30.25, [Event(4.08, 30.25, "tab\tand\nline", None)]),
]


def write(path: Path, recordings: list = RECORDINGS) -> Path:
    with open_event_file(path) as write_events:
        for name, seconds, events in recordings:
            write_events(name, seconds, events)
    return path


def rows() -> list[tuple]:
    return [
        (name, event.start, event.end, event.label, event.score)
        for name, _, events in RECORDINGS
        for event in events
    ]


def test_csv_is_read_by_any_reader(tmp_path: Path) -> None:
    with write(tmp_path / "e.csv").open(newline="") as file:
        header, *lines = csv.reader(file, strict=True)
    assert header == ["file", "start", "end", "label", "score"]
    found = [(f, float(s), float(e), la, float(sc) if sc else None) for f, s, e, la, sc in lines]
    assert found == rows()


def test_parquet_has_types(tmp_path: Path) -> None:
    table = pq.read_table(write(tmp_path / "e.parquet"))
    assert [f"{field.name} {field.type}" for field in table.schema] == [
        "file string", "start double", "end double", "label string", "score double",
    ]  # fmt: skip
    assert [tuple(row.values()) for row in table.to_pylist()] == rows()
    assert pq.read_table(write(tmp_path / "none.parquet", [])).num_rows == 0


def test_json_lines_are_one_object_a_line(tmp_path: Path) -> None:
    lines = write(tmp_path / "e.jsonl").read_text().splitlines()
    assert [tuple(json.loads(line).values()) for line in lines] == rows()


def raven_selections(text: str) -> list[dict[str, str]]:
    """Parses a selection table as Raven Pro's manual describes it."""
    header, *lines = text.removesuffix("\n").split("\n")
    names = header.split("\t")
    assert names[:7] == [
        "Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)",
        "High Freq (Hz)",
    ]  # fmt: skip
    selections = [dict(zip(names, line.split("\t"), strict=True)) for line in lines]
    for number, selection in enumerate(selections, 1):
        assert selection["Selection"] == str(number)
        assert re.fullmatch(r"(Spectrogram|Waveform) \d+", selection["View"])
        assert int(selection["Channel"]) >= 1
        assert 0 <= float(selection["Begin Time (s)"]) < float(selection["End Time (s)"])
        assert 0 <= float(selection["Low Freq (Hz)"]) < float(selection["High Freq (Hz)"])
    return selections


def test_raven_opens_several_recordings_one_after_the_other(tmp_path: Path) -> None:
    selections = raven_selections(write(tmp_path / "e.selections.txt").read_text())
    first, second, third = selections
    assert first["Begin Time (s)"] == first["File Offset (s)"] == "0.000000"
    assert second["Label"] == 'say "ö", cat'
    assert second["Score"] == "0.500000"
    assert third["Begin File"] == "b.flac"
    assert float(third["Begin Time (s)"]) == pytest.approx(600.5 + 10 + 4.08)
    assert float(third["End Time (s)"]) == pytest.approx(600.5 + 10 + 30.25)
    assert third["File Offset (s)"] == "4.080000"
    assert third["Label"] == "tab and line"


def test_audacity_reads_start_end_and_label(tmp_path: Path) -> None:
    # The manual: "start time, end time, label", in seconds, separated by tabs, without a header.
    lines = write(tmp_path / "e.labels.txt", RECORDINGS[:1]).read_text().splitlines()
    assert lines == ["0.000000\t1.200000\tdog", '0.720000\t3.000000\tsay "ö", cat']


def test_a_label_track_is_for_one_recording() -> None:
    check_event_path("e.labels.txt", 1)
    check_event_path("e.csv", 2)
    with pytest.raises(ConfigError, match="belongs to one recording, and there are 2"):
        check_event_path("e.labels.txt", 2)
    with pytest.raises(ConfigError, match="has no form of events"):
        check_event_path("e.txt", 1)


@pytest.mark.parametrize("name", ["e.csv", "e.parquet", "e.jsonl", "e.selections.txt"])
def test_every_form_is_read_again(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / name)
    found = list(read_annotations(path.read_bytes(), name))
    expected = rows()
    if name.endswith(".txt"):
        expected = [(*row[:3], " ".join(row[3].split()), row[4]) for row in expected]
    assert all(isinstance(row, Annotation) for row in found)
    assert [(a.file, a.start, a.end, a.label, a.score) for a in found] == expected


def test_a_label_track_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "e.labels.txt", RECORDINGS[:1])
    assert list(read_annotations(path.read_bytes(), "e")) == [
        Annotation(1, None, 0.0, 1.2, "dog"),
        Annotation(2, None, 0.72, 3.0, 'say "ö", cat'),
    ]
    spectral = b"1.5\t2\tdog\n\\\t300.5\t4000\n3\t4\tcat\n"
    assert list(read_annotations(spectral, "e")) == [
        Annotation(1, None, 1.5, 2.0, "dog", None, 300.5, 4000.0),
        Annotation(3, None, 3.0, 4.0, "cat"),
    ]


def test_a_selection_of_two_views_is_one(tmp_path: Path) -> None:
    table = (
        "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\t"
        "Species\r\n"
        "1\tWaveform 1\t1\t1.25\t2.5\t0\t8000\towl\r\n"
        "1\tSpectrogram 1\t1\t1.25\t2.5\t0\t8000\towl\r\n"
        "2\tSpectrogram 1\t1\t3\t4\t100\t900\tfox\r\n"
    )
    assert list(read_annotations(table.encode("utf-16"), "t")) == [
        Annotation(2, None, 1.25, 2.5, "owl", None, 0.0, 8000.0),
        Annotation(4, None, 3.0, 4.0, "fox", None, 100.0, 900.0),
    ]


def test_an_empty_label_track_has_no_events() -> None:
    assert list(read_annotations(b"", "quiet.txt")) == []


def test_a_file_may_be_called_a_recording() -> None:
    table = b"recording,start,end,label\na.wav,1,2,owl\n"
    assert list(read_annotations(table, "t")) == [Annotation(2, "a.wav", 1, 2, "owl")]


def test_columns_may_have_other_names() -> None:
    table = b"\xef\xbb\xbfBegin;end;Call;file\n1;2;owl;a.wav\n"
    columns = {"start": "Begin", "label": "Call"}
    assert list(read_annotations(table, "t", columns)) == [Annotation(2, "a.wav", 1, 2, "owl")]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("a.wav,x,2,owl", ("has 'x' as 'start', which is no number", "not_a_number", "a.wav")),
        ("a.wav,1,nan,owl", ("has 'nan' as 'end', which is no number", "not_a_number", "a.wav")),
        ("a.wav,,2,owl", ("has no start or no end", "missing_value", "a.wav")),
        ("a.wav,1,2,", ("has no label", "missing_value", "a.wav")),
        (",2,1.5,owl", ("ends at 1.5 s, before it starts at 2 s", "wrong_time", None)),
        ("a.wav,-1,1.5,owl", ("starts at -1 s, before the recording", "wrong_time", "a.wav")),
        ("a.wav,1,2", ("has 3 values for 4 columns", "broken", None)),
        ('a.wav,1,2,"owl"x', ("is broken: ',' expected after '\"'", "broken", None)),
    ],
)
def test_bad_rows_are_named(line: str, fault: tuple) -> None:
    table = f"file,start,end,label\na.wav,1,2,owl\n{line}\nb.wav,1,2,owl\n"
    good, bad, after = read_annotations(table.encode(), "t.csv")
    assert bad == RowFault(3, *fault)
    assert (good, after) == (
        Annotation(2, "a.wav", 1, 2, "owl"), Annotation(4, "b.wav", 1, 2, "owl"),
    )  # fmt: skip


def test_bad_lines_of_other_forms_are_named() -> None:
    assert list(read_annotations(b'{"start": 1, "end": 2, "label": "owl"}\n{\n[]\n', "t"))[1:] == [
        RowFault(2, "is not JSON: Expecting property name enclosed in double quotes: line 1 column "
        "2 (char 1)"),
        RowFault(3, "is not a JSON object"),
    ]  # fmt: skip
    assert list(read_annotations(b"1\t2\towl\n3\t4\n", "t"))[1:] == [
        RowFault(2, "has 2 values; a label track has 3")
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"file,begin,end,label\n", r"t has no column 'start' .* it has 'file', 'begin', 'end'"),
        (b"", "t has no column 'start' for the start of an event; it has no columns"),
        (b"file,start,end,label\n\xe9.wav,1,2,x", "t is not UTF-8 in line 2; save it"),
        (b"PAR1", "t is not a Parquet file"),
        (b"{}x", "t holds no JSON object"),
    ],
)
def test_other_tables_are_refused(content: bytes, sentence: str) -> None:
    with pytest.raises(AnnotationError, match=sentence):
        list(read_annotations(content, "t"))
