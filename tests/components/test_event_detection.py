"""Events in recordings that workers share: those that `detect` finds in one piece."""

import json
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
import soundfile
from apache_beam.options.pipeline_options import PipelineOptions
from small_models import push_model

from components.batch_predictor.event_detection import (
    EVENTS_FILE,
    RECORDINGS_FILE,
    DetectEvents,
    Detector,
)
from components.batch_predictor.recording_shards import RecordingShard, cut_recordings
from components.batch_predictor.recordings import list_recordings, recordings_fingerprint
from pipeline.detect.detection_job import Detection, DetectionTables
from pipeline.detect.named_models import open_pushed_model
from pipeline.runners.beam_options import pipeline_options
from schema.config.beam_settings import BeamSettings
from vggish.audio.recording_windows import WindowGrid, batch_windows, read_windows
from vggish.errors import DataSetError
from vggish.events.detection import EventRules

GRID = WindowGrid(3_840)
RULES = EventRules(smooth=3, max_gap=0.3)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(push_model(tmp_path_factory.mktemp("pushed") / "1"))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sounds of several rates and formats, two of which cannot be heard to their ends."""
    folder = tmp_path_factory.mktemp("recordings")
    rng = np.random.default_rng(0)

    def noise(seconds: float, rate: int) -> np.ndarray:
        loudness = np.repeat(rng.uniform(0, 0.5, round(4 * seconds) + 1), rate // 4)
        return (loudness * rng.uniform(-1, 1, loudness.size))[: round(seconds * rate)]

    (folder / "b").mkdir()
    soundfile.write(folder / "a.flac", noise(150, 22_050), 22_050)
    soundfile.write(folder / "b" / "b.wav", noise(70.3, 16_000), 16_000)
    (folder / "c.wav").write_text("no sound")
    soundfile.write(folder / "d.flac", noise(100, 16_000), 16_000)
    content = bytearray((folder / "d.flac").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = b"\0" * 64
    (folder / "d.flac").write_bytes(content)
    for name in ("e.wav", "f.ogg", "g.wav"):
        soundfile.write(folder / name, noise(2.5, 8_000), 8_000)
    (folder / "notes.txt").write_text("no sound, and not named like one")
    return folder


@pytest.fixture(scope="module")
def min_scores(model: str, recordings: Path) -> dict[str, float]:
    """Scores that a third of the windows of a recording reach, since the model learned nothing."""
    loaded = open_pushed_model(model)
    read = read_windows(recordings / "a.flac", GRID)
    windows = (item for item in read if isinstance(item, np.ndarray))
    scores = np.concatenate([loaded.score(batch) for batch in batch_windows(windows, 64)])
    return dict(zip(loaded.classes, np.quantile(scores, 0.67, axis=0).tolist(), strict=True))


@pytest.fixture(scope="module")
def in_one_piece(
    model: str,
    recordings: Path,
    min_scores: dict[str, float],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The table of `detect`."""
    output = tmp_path_factory.mktemp("detect")
    loaded = open_pushed_model(model)
    files = [recordings / entry.path for entry in list_recordings(str(recordings))]
    tables = DetectionTables([f"{output}/{EVENTS_FILE}"])
    detection = Detection(files, loaded, min_scores, GRID, RULES, tables)
    outcome = detection.run(lambda _recordings, _seconds: None)
    (output / "failures.json").write_text(json.dumps(outcome.failures))
    return output


def detect(
    detector: Detector, recordings: Path, output: Path, seconds: float, args: tuple[str, ...] = ()
) -> list[dict]:
    """Detects with shards of some seconds; returns the account of the recordings."""
    folder = str(recordings)
    options = PipelineOptions(pipeline_options(BeamSettings(args=args)))
    with beam.Pipeline(options=options) as pipeline:
        pipeline | DetectEvents(
            folder, list_recordings(folder), detector, str(output), shard_seconds=seconds
        )
    lines = (output / RECORDINGS_FILE).read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def detector(model: str, min_scores: dict[str, float]) -> Detector:
    return Detector(model, GRID, min_scores, RULES)


def assert_equal(output: Path, expected: Path, account: list[dict]) -> None:
    assert (output / EVENTS_FILE).read_bytes() == (expected / EVENTS_FILE).read_bytes()
    errors = [row["error"] for row in account if row["error"]]
    assert errors == json.loads((expected / "failures.json").read_text())


@pytest.mark.parametrize("seconds", [15.0, 600.0])
def test_shards_have_no_seams(
    seconds: float, detector: Detector, recordings: Path, in_one_piece: Path, tmp_path: Path
) -> None:
    account = detect(detector, recordings, tmp_path, seconds)
    assert_equal(tmp_path, in_one_piece, account)
    names = ["a.flac", "b/b.wav", "c.wav", "d.flac", "e.wav", "f.ogg", "g.wav"]
    assert [row["file"] for row in account] == [f"{recordings}/{name}" for name in names]
    assert (account[0]["seconds"], account[0]["windows"]) == (150, 622)
    assert [row["error"].partition(":")[0] for row in account if row["error"]] == [
        "unreadable",
        "damaged",
    ]
    assert sum(row["events"] for row in account) > 50


@pytest.mark.long_runs
def test_two_workers_write_the_same_table(
    detector: Detector, recordings: Path, in_one_piece: Path, tmp_path: Path
) -> None:
    processes = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")
    assert_equal(tmp_path, in_one_piece, detect(detector, recordings, tmp_path, 15.0, processes))


def test_long_recordings_are_cut_and_short_ones_are_together(recordings: Path) -> None:
    entries = list_recordings(str(recordings))
    groups = list(cut_recordings(entries, str(recordings), GRID, 256))
    assert groups[:4] == [
        [RecordingShard("a.flac", 0, 256)],
        [RecordingShard("a.flac", 256, 256)],
        [RecordingShard("a.flac", 512), RecordingShard("b/b.wav", 0, 256)],
        [RecordingShard("b/b.wav", 256), RecordingShard("c.wav"), RecordingShard("d.flac", 0, 256)],
    ]
    assert [shard.path for shard in groups[-1]] == ["d.flac", "e.wav", "f.ogg", "g.wav"]


def test_a_recording_more_is_found_out(recordings: Path, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes((recordings / "e.wav").read_bytes())
    before = recordings_fingerprint(str(tmp_path))
    assert recordings_fingerprint(str(tmp_path)) == before
    (tmp_path / "b.wav").write_bytes((recordings / "e.wav").read_bytes())
    assert recordings_fingerprint(str(tmp_path)) != before
    with pytest.raises(DataSetError, match=r"is not a folder; check predict\.recordings"):
        list_recordings(str(tmp_path / "none"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataSetError, match=r"There are no sounds in .*correct predict\.record"):
        list_recordings(str(tmp_path / "empty"))
