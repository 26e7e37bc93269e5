"""The demo's recording, whose events are known, and the table of what was found in it."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from components.window_model import WindowModel
from pipeline.demo import demo_run
from pipeline.demo.sound_synthesizer import DEMO_CLASSES
from pipeline.demo.soundscape import write_soundscape
from pipeline.detect import named_models
from vggish.events.annotation_tables import Annotation
from vggish.events.detection import Event


def test_events_are_where_the_truth_says(tmp_path: Path) -> None:
    events = write_soundscape(tmp_path / "a.wav")
    samples, rate = soundfile.read(tmp_path / "a.wav")
    assert (rate, samples.size) == (16_000, 180 * 16_000)
    assert {event.label for event in events} == set(DEMO_CLASSES)
    inside = np.zeros(samples.size, bool)
    for event in events:
        place = slice(round(event.start * rate), round(event.end * rate))
        assert not inside[place].any()
        assert np.abs(samples[place]).max() > 0.05
        inside[place] = True
    assert np.abs(samples[~inside]).max() < 0.001
    first = (tmp_path / "a.wav").read_bytes()
    assert write_soundscape(tmp_path / "a.wav") == events
    assert (tmp_path / "a.wav").read_bytes() == first


def test_the_table_shows_truth_beside_what_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def score(windows: np.ndarray) -> np.ndarray:
        loud = np.abs(windows).max(axis=1) > 0.01
        return np.eye(len(DEMO_CLASSES), dtype=np.float32)[3] * loud[:, np.newaxis]

    model = WindowModel(list(DEMO_CLASSES), None, "loud", score)
    monkeypatch.setattr(named_models, "open_pushed_model", lambda _: model)
    header, *rows, others = demo_run.detect_soundscape(
        SimpleNamespace(root=tmp_path),  # type: ignore[arg-type]
        "model",
    ).splitlines()
    assert header.split() == ["there", "found"]
    assert len(rows) == 12
    assert all(row.endswith(f"  {DEMO_CLASSES[3]}") for row in rows)
    for row in rows:
        start, end, _, found_start, found_end, _ = row.split()
        assert float(found_start) == pytest.approx(float(start), abs=0.96)
        assert float(found_end) == pytest.approx(float(end), abs=0.96)
    assert others == "and 0 where nothing is"
    assert sorted(path.name for path in (tmp_path / "soundscape").iterdir()) == [
        "events.csv", "recording.wav", "truth.csv",
    ]  # fmt: skip


def test_of_several_the_right_one_is_shown() -> None:
    truth = [Event(1.0, 2.0, "bell"), Event(5.0, 6.0, "rain")]
    found = [
        Annotation(2, None, 0.5, 1.9, "rain"),
        Annotation(3, None, 1.5, 2.0, "bell"),
        Annotation(4, None, 8.0, 9.0, "wind"),
    ]
    assert demo_run.compare_events(truth, found).splitlines()[1:] == [
        "  1.00   2.00  bell              1.50   2.00  bell",
        "  5.00   6.00  rain            -",
        "and 1 where nothing is",
    ]
