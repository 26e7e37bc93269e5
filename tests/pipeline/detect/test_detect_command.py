"""The commands `detect` and `plot` as a person calls them."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from small_models import loudness_model
from typer.testing import CliRunner, Result

from pipeline.cli.main import app
from pipeline.detect import named_models
from vggish.errors import ConfigError


@pytest.fixture
def recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with five seconds of silence, and two of noise in its middle; and a broken file."""
    monkeypatch.setattr(named_models, "open_pushed_model", lambda _: loudness_model())
    folder = tmp_path / "recordings"
    folder.mkdir()
    sound = np.zeros(80_000)
    sound[32_000:64_000] = 0.8
    soundfile.write(folder / "a.wav", sound, 16_000)
    (folder / "b.wav").write_text("no sound")
    return folder


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


def test_events_are_written_and_refused_files_are_named(recordings: Path, tmp_path: Path) -> None:
    events, track = tmp_path / "e.csv", tmp_path / "e.selections.txt"
    found = call("detect", "model", recordings, "-o", events, "-o", track, "--top-n", 1)
    assert found.exit_code == 1
    assert f"{events}, {track}: 3 events in 2 recordings (5 s of sound), 1 of them" in found.stderr
    assert f"unreadable: {recordings}/b.wav" in found.stderr
    assert [line.split(",")[1:4] for line in events.read_text().splitlines()[1:]] == [
        ["0.0", "1.68", "quiet"], ["1.68", "4.56", "loud"], ["4.56", "5.0", "quiet"],
    ]  # fmt: skip
    assert len(track.read_text().splitlines()) == 4
    page = tmp_path / "a.html"
    assert call("plot", recordings / "a.wav", track, "-o", page).stdout.endswith(
        f"with 3 events of {track}\n"
    )
    assert "loud" in page.read_text()


def test_options_change_the_events(recordings: Path, tmp_path: Path) -> None:
    events = tmp_path / "e.jsonl"
    options = ("--hop", 0.96, "--min-score", 0.7, "--min-duration", 2)
    assert call("detect", "model", recordings / "a.wav", "-o", events, *options).exit_code == 0
    assert events.read_text().count("\n") == 1
    assert '"start": 1.92, "end": 4.8, "label": "loud"' in events.read_text()


def test_the_agreement_with_the_truth_is_printed(recordings: Path, tmp_path: Path) -> None:
    table = tmp_path / "truth.csv"
    # Found: quiet 0 to 1.68, loud 1.68 to 4.56 and quiet 4.56 to 5 s.
    table.write_text(
        f"file,start,end,label\n{recordings}/a.wav,2,4,loud\n{recordings}/a.wav,3,4,bird\n"
    )
    command = ("detect", "model", recordings / "a.wav", "-o", tmp_path / "e.csv")
    found = call(*command, "--top-n", 1, "--truth", table)
    assert found.exit_code == 0
    assert [line.split() for line in found.stdout.splitlines()] == [
        ["true", "found", "precision", "recall", "F1", "segment", "F1", "false/h"],
        ["bird", "1", "0", "-", "0.000", "0.000", "0.000", "0.0"],
        ["loud", "1", "1", "1.000", "1.000", "1.000", "0.667", "0.0"],
        ["quiet", "0", "2", "0.000", "-", "0.000", "0.000", "1440.0"],
        ["all", "2", "3", "0.333", "0.500", "0.400", "0.400", "1440.0"],
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-o", "e.txt"], "has no form of events"),
        (["-o", "e.csv", "--smooth", 2], "odd number of windows"),
        (["-o", "e.csv", "--truth", "none.csv"], "none.csv cannot be opened"),
        (["-o", "e.labels.txt"], "belongs to one recording, and there are 2"),
    ],
)
def test_wrong_options_are_told_before_the_model_is_loaded(
    words: list, sentence: str, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(named_models, "open_pushed_model", lambda _: pytest.fail("loaded"))
    monkeypatch.chdir(tmp_path)
    refused = call("detect", "model", recordings, *words)
    assert isinstance(refused.exception, ConfigError)
    assert sentence in str(refused.exception)
