"""Events from tables: which recording they are of."""

from pathlib import Path

import pytest

from pipeline.detect.event_tables import events_of, read_events, read_truth
from vggish.errors import ConfigError

HEADER = "file,start,end,label\n"


def write(folder: Path, text: str) -> Path:
    (folder / "e.csv").write_text(text)
    return folder / "e.csv"


@pytest.mark.parametrize(
    ("table", "labels"),
    [
        (HEADER + "night/a.wav,1,2,x\nother/a.wav,1,2,y\n", ["x"]),
        (HEADER + "elsewhere/a.wav,1,2,x\nb.wav,1,2,y\n", ["x"]),
        ("start,end,label\n1,2,x\n3,4,y\n", ["x", "y"]),
        (HEADER + "b.wav,1,2,y\n", []),
    ],
)
def test_events_of_a_recording_are_found(table: str, labels: list[str], tmp_path: Path) -> None:
    events = events_of(Path("night/a.wav"), read_events(write(tmp_path, table)))
    assert [event.label for event in events] == labels


def test_the_truth_of_several_recordings(tmp_path: Path) -> None:
    table = write(tmp_path, HEADER + "b.wav,1,2,x\na.wav,3,4,y\nc.wav,5,6,z\nb.wav,7,8,z\n")
    truth = read_truth(table, [Path("a.wav"), Path("b.wav"), Path("d.wav")])
    assert [[event.label for event in events] for events in truth] == [["y"], ["x", "z"], []]
    assert read_truth(write(tmp_path, HEADER), [Path("a.wav")]) == [[]]


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (HEADER + "a.wav,2,1,x\n", r"e\.csv ends at 1 s, before it starts at 2 s in row 2"),
        (
            HEADER + "z.wav,1,2,x\n",
            "no row about any of the 2 recordings; its first is about z",
        ),
        (HEADER + "a.wav,1,2,x\n,1,2,x\n", "names no recording in row 3, and there are 2"),
    ],
)
def test_wrong_truth_is_told(table: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=sentence):
        read_truth(write(tmp_path, table), [Path("a.wav"), Path("b.wav")])
    with pytest.raises(ConfigError, match="cannot be opened: No such file"):
        read_events(tmp_path / "none.csv")
