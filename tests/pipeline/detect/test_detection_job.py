"""Whole detections: tables of events, scores that equal a clip's, and going on after a kill."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
import tensorflow as tf
from serving_stand_in import NAME, Server, rest, rpc
from small_models import CLASSES, loudness_model, push_model

from components.window_model import WindowModel
from pipeline.demo.soundscape import write_soundscape
from pipeline.detect.detection_job import Detection, DetectionOutcome, DetectionTables
from pipeline.detect.named_models import connect_window_model, open_pushed_model
from schema.model_card import write_model_card
from vggish.audio.decoding import decode, pcm16_from_samples, wav_from_pcm16
from vggish.audio.recording_windows import WindowGrid
from vggish.errors import ConfigError
from vggish.events.detection import EventRules

HOP = 7_680


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return push_model(tmp_path_factory.mktemp("pushed") / "1")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A loud stretch in silence at 16 kHz, no sound, a short noise, and noise at 22,050 Hz."""
    folder = tmp_path_factory.mktemp("recordings")
    rng = np.random.default_rng(0)
    loud = np.zeros(160_000)
    loud[64_000:96_000] = 0.9
    files = [folder / name for name in ("a.wav", "b.wav", "c.flac", "d.wav")]
    soundfile.write(files[0], loud, 16_000)
    files[1].write_text("no sound")
    soundfile.write(files[2], rng.normal(0, 0.1, 3_000), 16_000)
    soundfile.write(files[3], rng.normal(0, 0.1, 220_500), 22_050)
    return files


def detection(files: list[Path], model: WindowModel, folder: Path, **changes: object) -> Detection:
    chosen = Detection(
        files=files,
        model=model,
        min_scores=model.min_scores(None),
        grid=WindowGrid(HOP),
        rules=EventRules(),
        tables=DetectionTables([f"{folder}/events.csv"], f"{folder}/scores.parquet"),
    )
    return dataclasses.replace(chosen, **changes)  # type: ignore[arg-type]


def run(chosen: Detection) -> DetectionOutcome:
    return chosen.run(lambda _recordings, _seconds: None)


def test_events_are_where_the_sound_is(recordings: list[Path], tmp_path: Path) -> None:
    a, b, c, d = recordings
    outcome = run(detection(recordings, loudness_model(), tmp_path))
    lines = (tmp_path / "events.csv").read_text().splitlines()
    assert lines == [
        "file,start,end,label,score",
        # 4 to 6 s; a window that holds any of it is loud, so an event is early by less than a hop.
        f"{a},0.0,3.6,quiet,1.0",
        f"{a},3.6,6.48,loud,0.899994",
        f"{a},6.48,10.0,quiet,1.0",
        f"{c},0.0,0.1875,quiet,{lines[4].rpartition(',')[2]}",
        *[line for line in lines if line.startswith(str(d))],
    ]
    assert (outcome.recordings, outcome.events) == (4, len(lines) - 1)
    assert outcome.seconds == pytest.approx(10 + 0.1875 + 10)
    (failure,) = outcome.failures
    assert failure.startswith(f"unreadable: {b} ")


def test_scores_equal_those_of_each_window_as_a_file(
    model: Path, recordings: list[Path], tmp_path: Path
) -> None:
    run(detection(recordings, open_pushed_model(str(model)), tmp_path))
    table = pq.read_table(tmp_path / "scores.parquet")
    assert json.loads(table.schema.metadata[b"classes"]) == CLASSES
    assert str(table.schema.field("scores").type).startswith("fixed_size_list")
    serve = tf.saved_model.load(str(model)).signatures["serving_default"]
    rows = table.to_pylist()
    counted = [sum(row["file"] == str(file) for row in rows) for file in recordings]
    assert counted == [20, 0, 1, 20]
    samples = {file: decode(file).samples for file in {row["file"] for row in rows}}
    for row in rows[::5]:
        start = round(row["start"] * 16_000)
        window = samples[row["file"]][start : start + 15_600]
        wav = wav_from_pcm16(pcm16_from_samples(window))
        expected = serve(audio_bytes=tf.constant([wav]))["scores"].numpy()[0]
        np.testing.assert_allclose(row["scores"], expected, atol=1e-5)


def test_the_signature_windows_says_the_same(
    model: Path, recordings: list[Path], tmp_path: Path
) -> None:
    loud, short = recordings[0], tmp_path / "short.wav"
    soundfile.write(short, np.full(20_000, 0.5), 16_000)
    run(detection([loud, short], open_pushed_model(str(model)), tmp_path))
    table = pq.read_table(tmp_path / "scores.parquet")
    windows = tf.saved_model.load(str(model)).signatures["windows"]
    files = [loud.read_bytes(), short.read_bytes()]
    answer = {name: value.numpy() for name, value in windows(tf.constant(files)).items()}
    mask = answer["mask"]
    assert mask.sum(axis=1).tolist() == [20, 2]
    np.testing.assert_allclose(answer["starts"][mask], table["start"].to_numpy(), atol=1e-6)
    scores = np.stack(table["scores"].to_numpy())
    np.testing.assert_allclose(answer["scores"][mask], scores, atol=1e-5)


@pytest.fixture(scope="module")
def server(model: Path) -> Server:
    return Server(model)


@pytest.mark.parametrize("connect", [rest, rpc])
def test_a_server_gives_the_same_events(
    connect, server: Server, model: Path, recordings: list[Path], tmp_path: Path
) -> None:
    run(detection(recordings, open_pushed_model(str(model)), tmp_path / "local"))
    with connect(server) as url:
        served = connect_window_model(url, NAME, timeout=60)
        assert served.classes == CLASSES
        run(detection(recordings, served, tmp_path / "served"))
    local, remote = (
        pq.read_table(tmp_path / place / "scores.parquet") for place in ("local", "served")
    )
    assert local["start"] == remote["start"]
    np.testing.assert_allclose(
        np.stack(local["scores"].to_numpy()), np.stack(remote["scores"].to_numpy()), atol=1e-5
    )


class KilledError(Exception):
    """Stands for SIGKILL."""


def killed_after(model: WindowModel, batches: int) -> WindowModel:
    left = iter(range(batches))

    def score(windows: np.ndarray) -> np.ndarray:
        if next(left, None) is None:
            raise KilledError
        return model.score(windows)

    return dataclasses.replace(model, score=score)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.detect import recording_scores

    monkeypatch.setattr(recording_scores, "WINDOWS_A_BATCH", 8)
    monkeypatch.setattr(recording_scores, "_BATCHES_A_PART", 2)


@pytest.mark.usefixtures("small_parts")
def test_a_killed_detection_goes_on_to_the_same_tables(
    recordings: list[Path], tmp_path: Path
) -> None:
    a, b, c, _ = recordings
    files = [a, b, c, a, a, b]
    model = loudness_model()
    run(detection(files, model, tmp_path / "whole"))
    asked = []
    for batches in range(10):
        folder = tmp_path / str(batches)
        try:
            run(detection(files, killed_after(model, batches), folder))
        except KilledError:
            assert not (folder / "events.csv").exists()
        counting = dataclasses.replace(
            model, score=lambda windows: asked.append(len(windows)) or model.score(windows)
        )
        asked.clear()
        assert run(detection(files, counting, folder)).recordings == 6
        # 61 windows, and what is lost is at most a part of two batches that was not whole.
        assert sum(asked) == 61 - min(batches // 2 * 16, 61 if batches < 8 else 0)
        for name in ("events.csv", "scores.parquet"):
            assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
        assert not list(folder.glob(".*"))


def test_pieces_of_a_minute_have_the_same_events_but_at_their_seams(tmp_path: Path) -> None:
    whole, *pieces = (tmp_path / name for name in ("whole.wav", "0.wav", "1.wav", "2.wav"))
    write_soundscape(whole)
    samples, rate = soundfile.read(whole, dtype="int16")
    for piece, minute in zip(pieces, np.split(samples, 3), strict=True):
        soundfile.write(piece, minute, rate)
    model = loudness_model()
    rules = EventRules(keep_score=0.02, smooth=3, max_gap=0.3)
    min_scores = {"loud": 0.05, "quiet": np.inf}

    def events_in(file: Path, seconds: float) -> list[tuple[float, float, float]]:
        tables = DetectionTables([f"{tmp_path}/{file.stem}.jsonl"])
        run(detection([file], model, tmp_path, min_scores=min_scores, rules=rules, tables=tables))
        rows = map(json.loads, Path(tables.events[0]).read_text().splitlines())
        return [(row["start"] + seconds, row["end"] + seconds, row["score"]) for row in rows]

    joined = [e for minute, file in enumerate(pieces) for e in events_in(file, 60 * minute)]
    # Windows that a seam cuts hear less, and smoothing looks one window further.
    far, far_in_pieces = (
        [e for e in events if all(e[1] < seam - 2 or e[0] > seam + 1 for seam in (60, 120))]
        for events in (events_in(whole, 0), joined)
    )
    assert len(far) >= 8
    np.testing.assert_allclose(far_in_pieces, far, rtol=0, atol=1e-6)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("change", ["hop", "model", "file"])
def test_scores_of_another_job_are_not_used(
    change: str, recordings: list[Path], tmp_path: Path
) -> None:
    copy = tmp_path / "a.wav"
    copy.write_bytes(recordings[0].read_bytes())
    with pytest.raises(KilledError):
        run(detection([copy], killed_after(loudness_model(), 2), tmp_path))
    grid = WindowGrid(3_840 if change == "hop" else HOP)
    model = dataclasses.replace(loudness_model(), identity=change)
    if change != "model":
        model = loudness_model()
    if change == "file":
        soundfile.write(copy, np.zeros(160_000), 16_000)
    run(detection([copy], model, tmp_path, grid=grid))
    run(detection([copy], model, tmp_path / "whole", grid=grid))
    assert (tmp_path / "events.csv").read_text() == (tmp_path / "whole/events.csv").read_text()


def test_thresholds_are_the_card_s(model: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(model, tmp_path / "1")
    thresholds = dict(zip(CLASSES, [0.3, 0.6, 0.9], strict=True))
    write_model_card(str(copy), {"thresholds": thresholds})
    loaded = open_pushed_model(str(copy))
    assert loaded.min_scores(None) == {"dog": 0.3, "chat noir": 0.6, "ö": 0.9}
    assert loaded.min_scores(0.2) == dict.fromkeys(CLASSES, 0.2)
    assert loudness_model().min_scores(None) == {"loud": 0.5, "quiet": 0.5}


@pytest.mark.parametrize(
    ("events", "scores", "sentence"),
    [
        (["a.txt"], None, r"a\.txt has no form of events: .*selections\.txt is for Raven"),
        (["a.csv", "b.labels.txt"], None, "belongs to one recording, and there are 2"),
        (["a.csv"], "a.csv", r"must end with \.parquet"),
        (["a.parquet"], "a.parquet", "name each once"),
    ],
)
def test_tables_that_cannot_be_written_are_refused_first(
    events: list[str], scores: str | None, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        DetectionTables(events, scores).check(2)
