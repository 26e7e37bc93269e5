"""The windows of one annotated recording: which become clips, with which labels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from components.audio_example_gen.decoding.annotated_windows import LeftOut, read_annotated_windows
from components.audio_example_gen.decoding.clip_policies import DecodedClip
from components.audio_example_gen.decoding.decoder import Decoder
from components.audio_example_gen.sources.listing import AnnotatedEvent
from schema.config.annotations.annotation_settings import AnnotationSettings
from schema.config.ingest_settings import IngestSettings
from vggish.audio.decoding import samples_from_pcm16
from vggish.audio.recording_windows import RecordingEnd, WindowGrid, read_windows
from vggish.errors import AudioError

Found = dict[str, tuple[str, ...] | None]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of noise at 22,050 Hz."""
    path = tmp_path_factory.mktemp("night") / "night.wav"
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 220_500)
    soundfile.write(path, samples, 22_050)
    return path


def owl(start: float, end: float, label: str = "owl", *, known: bool = True) -> AnnotatedEvent:
    return AnnotatedEvent(start, end, label, f"row {start:g} of a.csv", known)


def read(
    path: Path, *events: AnnotatedEvent, seed: int = 0, **annotations: Any
) -> tuple[list[DecodedClip], int]:
    settings = AnnotationSettings(tables=("a.csv",), **annotations)
    ingest = IngestSettings(resampler="soxr", seed=seed)
    items = list(read_annotated_windows(str(path), "n.wav", events, settings, ingest))
    clips = [item for item in items if isinstance(item, DecodedClip)]
    return clips, sum(item.left_out for item in items if isinstance(item, LeftOut))


def labels(path: Path, *events: AnnotatedEvent, **settings: Any) -> Found:
    clips, _ = read(path, *events, **settings)
    return {clip.part.removeprefix("#t="): clip.labels for clip in clips}


@pytest.mark.parametrize("hop", [0.96, 0.25])
def test_windows_are_those_of_a_detection(hop: float, night: Path) -> None:
    clips, left_out = read(night, hop_seconds=hop)
    *parts, end = read_windows(night, WindowGrid(round(hop * 16_000), "soxr"))
    windows = [part for part in parts if isinstance(part, np.ndarray)]
    heard = [samples_from_pcm16(clip.pcm) for clip in clips]
    assert left_out == 0
    assert end == RecordingEnd(10.0, None)
    np.testing.assert_array_equal(heard, np.concatenate(windows))
    last = {0.96: ("#t=9.60,10.56", 0.4), 0.25: ("#t=9.25,10.21", 0.75)}[hop]
    assert (clips[-1].part, clips[-1].duration) == (last[0], pytest.approx(last[1]))
    assert (clips[0].part, clips[0].duration, clips[0].source_rate) == (
        "#t=0.00,0.96",
        0.975,
        22_050,
    )


def test_a_short_recording_is_one_window(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "short.wav", np.zeros(160), 16_000)
    ((clip,), left_out) = read(tmp_path / "short.wav", owl(0, 0.01))
    assert (clip.part, clip.labels, clip.duration, clip.silent) == (
        "#t=0.00,0.96",
        ("owl",),
        0.01,
        True,
    )
    assert (len(clip.pcm), left_out) == (2 * 15_600, 0)


def test_windows_that_are_partly_covered_or_of_other_labels_are_left_out(night: Path) -> None:
    events = [
        owl(1.8, 4.0),  # Two windows, and a little of those before and after.
        owl(5.8, 6.7, "bat", known=False), owl(6.0, 6.5),
        owl(7.7, 8.6, "bat", known=False),
        owl(9.0, 9.1, "fox"), owl(9.0, 9.2),
    ]  # fmt: skip
    assert labels(night, *events) == {
        "0.00,0.96": (), "1.92,2.88": ("owl",), "2.88,3.84": ("owl",), "4.80,5.76": (),
        "5.76,6.72": ("owl",), "6.72,7.68": (), "8.64,9.60": ("fox", "owl"), "9.60,10.56": (),
    }  # fmt: skip
    assert read(night, *events)[1] == 3


def test_short_events_are_in_all_windows_that_hold_most_of_them(night: Path) -> None:
    found = labels(night, owl(2.9, 3.1), hop_seconds=0.25, min_overlap=0.8)
    assert [window for window, own in found.items() if own] == [
        "2.25,3.21", "2.50,3.46", "2.75,3.71",
    ]  # fmt: skip


def test_background_is_drawn_by_name_and_seed(night: Path) -> None:
    def drawn(**settings: Any) -> set[str]:
        clips, left_out = read(night, owl(2, 3), hop_seconds=0.05, **settings)
        assert len(clips) + left_out == 182
        assert sum(clip.labels == ("owl",) for clip in clips) == 20
        return {clip.part for clip in clips if clip.labels == ()}

    everything, half = drawn(), drawn(background=0.5)
    assert half == drawn(background=0.5)
    assert 0.35 < len(half) / len(everything) < 0.65
    assert everything > half > drawn(background=0.2)
    assert half != drawn(background=0.5, seed=1)
    assert drawn(background=0.0) == drawn(complete=False) == set()


def test_one_label_is_that_of_the_longest_event_or_background(night: Path) -> None:
    found = labels(night, owl(1, 1.3, "fox"), owl(1.3, 1.9), one_label=True)
    assert found["0.96,1.92"] == ("owl",)
    assert set(found.values()) == {("owl",), ("background",)}


@pytest.mark.parametrize("event", [owl(10.5, 11), owl(5, 10.2), owl(10.2, 10.2)])
def test_events_outside_of_the_recording_refuse_it(event: AnnotatedEvent, night: Path) -> None:
    with pytest.raises(AudioError) as error:
        read(night, event)
    assert error.value.reason == "wrong_time"
    assert str(error.value) == (
        f"{event.place} is about {event.start:g} to {event.end:g} s, but the recording n.wav lasts "
        "10 s"
    )
    assert labels(night, owl(9.99, 10.05))["9.60,10.56"] == ("owl",)


def test_a_process_decodes_them_alike(night: Path) -> None:
    events = [owl(2, 3), owl(7, 7.1, "fox")]
    settings = AnnotationSettings(tables=("a.csv",), background=0.5)
    ingest = IngestSettings(resampler="soxr")
    decoder = Decoder(ingest, settings)
    try:
        found = list(decoder.clips(str(night), "n.wav", events))
        whole = list(decoder.clips(str(night), "n.wav"))
    finally:
        decoder.close()
    assert found == list(read_annotated_windows(str(night), "n.wav", events, settings, ingest))
    assert [clip.labels for clip in whole if isinstance(clip, DecodedClip)] == [None]
