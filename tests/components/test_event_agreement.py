"""Events in the test recordings against the true ones, from file to numbers."""

import json
from pathlib import Path

import pytest

from components.annotated_test_set import AnnotatedTestSet, read_annotated_test_set
from components.batch_predictor.event_detection import EVENTS_FILE, RECORDINGS_FILE
from components.report.event_agreement import measure_test_events
from vggish.events.detection import Event
from vggish.events.event_files import open_event_file

ROOT = "/recordings"
TRUE = {
    "a.wav": [Event(1.0, 2.0, "owl"), Event(5.0, 6.0, "fox"), Event(7.0, 8.0, "bear")],
    "b/b.wav": [Event(3.0, 4.0, "owl")],
    "c.wav": [],
}
FOUND = {
    "a.wav": [Event(1.1, 2.2, "owl", 0.9), Event(8.5, 9.0, "fox", 0.8)],
    "b/b.wav": [Event(3.0, 4.0, "owl", 0.7)],
    "c.wav": [Event(0.0, 1.0, "owl", 0.6)],
}


def write_found(folder: Path) -> None:
    with open_event_file(str(folder / EVENTS_FILE)) as write:
        for path, events in FOUND.items():
            write(f"{ROOT}/{path}", 10.0, events)
    lines = [json.dumps({"file": f"{ROOT}/{path}", "seconds": 10.0}) for path in FOUND]
    (folder / RECORDINGS_FILE).write_text("".join(f"{line}\n" for line in lines))


def test_a_test_set_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_annotated_test_set(str(tmp_path)) is None
    written = AnnotatedTestSet(ROOT, TRUE)
    written.write(str(tmp_path))
    assert read_annotated_test_set(str(tmp_path)) == written


def test_events_are_compared_by_class_and_together(tmp_path: Path) -> None:
    write_found(tmp_path)
    agreement = measure_test_events(AnnotatedTestSet(ROOT, TRUE), str(tmp_path), ["owl", "fox"])
    assert agreement is not None
    assert (agreement["recordings"], agreement["hours"] * 3600) == (3, pytest.approx(30))
    assert list(agreement["by_class"]) == ["fox", "owl"]  # No model knows of bears.
    owl, fox, together = (*(agreement["by_class"][k] for k in ("owl", "fox")), agreement["all"])
    assert (owl["true"], owl["found"], owl["recall"]) == (2, 3, 1.0)
    assert owl["precision"] == pytest.approx(2 / 3)
    assert owl["false_alarms_an_hour"] == pytest.approx(120)
    assert (fox["true"], fox["found"], fox["f1"]) == (1, 1, 0.0)
    assert together["f1"] == pytest.approx(4 / 7)
    assert together["false_alarms_an_hour"] == pytest.approx(240)
    # Seconds of owl: 1 and 3 true, 0, 1, 2 and 3 found; of fox: 5 true, 8 found.
    assert together["segment_f1"] == pytest.approx(4 / 8)
    low, high = agreement["intervals"]["f1"] or (1, 0)
    assert low <= 4 / 7 <= high
    assert json.loads(json.dumps(agreement))["all"] == together


def test_there_may_be_nothing_to_compare(tmp_path: Path) -> None:
    assert measure_test_events(None, str(tmp_path), ["owl"]) is None
    assert measure_test_events(AnnotatedTestSet(ROOT, {}), str(tmp_path), ["owl"]) is None
    write_found(tmp_path)
    silent = AnnotatedTestSet(ROOT, {"d.wav": []})
    with (tmp_path / RECORDINGS_FILE).open("a") as lines:
        lines.write(json.dumps({"file": f"{ROOT}/d.wav", "seconds": 1.0}) + "\n")
    agreement = measure_test_events(silent, str(tmp_path), ["owl"])
    assert agreement is not None
    assert agreement["all"]["f1"] is None
    assert agreement["intervals"] == {"f1": None, "segment_f1": None}
