from pathlib import Path

import numpy as np
import pytest
import soundfile
from trees import noise, write_sound

from components.audio_example_gen.decoding.clip_policies import DecodedClip, read_clips
from schema.config.ingest_settings import IngestSettings
from vggish.audio.decoding import samples_from_pcm16
from vggish.errors import AudioError

RATE = 16_000


def write_samples(path: Path, samples: np.ndarray, **options: str) -> Path:
    soundfile.write(path, samples, RATE, **options)
    return path


def samples_of(seconds: float) -> np.ndarray:
    """The beginning of one endless 16-bit noise, so that a stretch tells where it is from."""
    rng = np.random.default_rng(0)
    return rng.integers(-10_000, 10_000, int(RATE * seconds)).astype(np.int16)


def read(path: Path, clip_id: str = "a.wav", **ingest: object) -> list[DecodedClip]:
    return list(read_clips(str(path), clip_id, IngestSettings(**ingest)))


def pcm(clip: DecodedClip) -> np.ndarray:
    return np.frombuffer(clip.pcm, "<i2")


def refusal(path: Path, **ingest: object) -> str:
    with pytest.raises(AudioError) as error:
        read(path, **ingest)
    assert str(error.value).endswith(".")
    return error.value.reason


@pytest.fixture
def ten_seconds(tmp_path: Path) -> Path:
    return write_samples(tmp_path / "ten.wav", samples_of(10))


def test_a_clip_is_kept_bit_for_bit(ten_seconds: Path) -> None:
    (clip,) = read(ten_seconds)
    np.testing.assert_array_equal(pcm(clip), samples_of(10))
    assert (clip.part, clip.source_rate, clip.duration) == ("", RATE, 10.0)
    assert (clip.format, clip.clipped, clip.silent) == ("WAV PCM_16", 0, False)


def test_long_clips_are_refused_from_the_first_sample_too_many(tmp_path: Path) -> None:
    exact = write_samples(tmp_path / "exact.wav", samples_of(2))
    assert len(read(exact, max_seconds=2)) == 1
    longer = write_samples(tmp_path / "longer.wav", np.append(samples_of(2), np.int16(0)))
    assert refusal(longer, max_seconds=2) == "too_long"


def test_long_clips_are_cut_to_their_first_seconds(ten_seconds: Path) -> None:
    (clip,) = read(ten_seconds, max_seconds=2.5, long="first")
    np.testing.assert_array_equal(pcm(clip), samples_of(10)[:40_000])
    assert (clip.part, clip.duration) == ("", 2.5)


def test_long_clips_are_cut_to_a_stretch_drawn_by_their_name(ten_seconds: Path) -> None:
    settings = {"max_seconds": 1.0, "long": "random"}
    whole = samples_of(10)
    starts = set()
    for clip_id in ("a.wav", "b.wav", "c.wav", "d.wav"):
        (clip,) = read(ten_seconds, clip_id, **settings)
        (again,) = read(ten_seconds, clip_id, **settings)
        assert clip == again
        begins = np.flatnonzero(whole == pcm(clip)[0])
        (start,) = (i for i in begins if np.array_equal(pcm(clip), whole[i : i + RATE]))
        starts.add(int(start))
    assert len(starts) == 4
    (other,) = read(ten_seconds, "a.wav", seed=1, **settings)
    assert other != read(ten_seconds, "a.wav", **settings)[0]
    (uncut,) = read(ten_seconds, max_seconds=10, long="random")
    np.testing.assert_array_equal(pcm(uncut), whole)


def test_long_clips_are_split_into_parts_that_say_where_they_are_from(ten_seconds: Path) -> None:
    clips = read(ten_seconds, max_seconds=4, long="split")
    assert [clip.part for clip in clips] == ["#t=0,4", "#t=4,8", "#t=8,10"]
    np.testing.assert_array_equal(np.concatenate([pcm(clip) for clip in clips]), samples_of(10))
    assert [clip.duration for clip in clips] == [4, 4, 2]


@pytest.mark.parametrize(
    ("ingest", "parts"),
    [
        ({}, 4),  # A last part of a second is a window.
        ({"min_seconds": 1.5}, 3),
        ({"short": "reject", "windows": {"exactly": 2}}, 3),
    ],
)
def test_a_last_part_that_is_too_short_is_left_out(
    ten_seconds: Path, ingest: dict, parts: int
) -> None:
    assert len(read(ten_seconds, max_seconds=3, long="split", **ingest)) == parts
    assert len(read(ten_seconds, max_seconds=9.5, long="split")) == 1


def test_a_clip_that_is_not_long_is_not_split(ten_seconds: Path) -> None:
    (clip,) = read(ten_seconds, max_seconds=10, long="split")
    assert clip.part == ""


def test_what_is_wrong_at_the_end_refuses_all_parts(tmp_path: Path) -> None:
    samples = noise("x", seconds=10)
    samples[-1] = np.nan
    path = write_samples(tmp_path / "nan.wav", samples, subtype="FLOAT")
    generator = read_clips(str(path), "x", IngestSettings(max_seconds=4, long="split"))
    with pytest.raises(AudioError) as error:
        next(generator)
    assert error.value.reason == "non_finite"
    assert len(read(path, max_seconds=4, long="first")) == 1


def test_short_clips_are_refused_repeated_or_left_to_the_model(tmp_path: Path) -> None:
    path = write_samples(tmp_path / "short.wav", samples_of(0.25))
    assert refusal(path, short="reject") == "too_short"
    (kept,) = read(path, short="pad")
    np.testing.assert_array_equal(pcm(kept), samples_of(0.25))
    (repeated,) = read(path, short="repeat")
    expected = np.concatenate([samples_of(0.25)] * 4)[:15_600]
    np.testing.assert_array_equal(pcm(repeated), expected)
    assert repeated.duration == 0.25


def test_a_window_is_long_enough(tmp_path: Path) -> None:
    path = write_samples(tmp_path / "window.wav", samples_of(1)[:15_600])
    assert len(read(path, short="reject")) == 1
    path = write_samples(tmp_path / "less.wav", samples_of(1)[:15_599])
    assert refusal(path, short="reject") == "too_short"


def test_the_minimum_is_inclusive(tmp_path: Path) -> None:
    path = write_samples(tmp_path / "half.wav", samples_of(0.5))
    assert len(read(path, min_seconds=0.5)) == 1
    assert refusal(path, min_seconds=0.51) == "too_short"


@pytest.mark.parametrize(("seconds", "kept"), [(0.5, 8_000), (1.0, 15_600), (3.0, 15_600)])
def test_exactly_one_window(tmp_path: Path, seconds: float, kept: int) -> None:
    path = write_samples(tmp_path / "clip.wav", samples_of(seconds))
    (clip,) = read(path, windows={"exactly": 1})
    np.testing.assert_array_equal(pcm(clip), samples_of(seconds)[:kept])


def test_exactly_three_windows(tmp_path: Path) -> None:
    samples = 15_600 + 2 * 15_360
    longer = write_samples(tmp_path / "long.wav", samples_of(4))
    (clip,) = read(longer, windows={"exactly": 3})
    np.testing.assert_array_equal(pcm(clip), samples_of(4)[:samples])
    shorter = write_samples(tmp_path / "short.wav", samples_of(1))
    (clip,) = read(shorter, windows={"exactly": 3})
    np.testing.assert_array_equal(pcm(clip), np.pad(samples_of(1), (0, samples - RATE)))
    (clip,) = read(shorter, windows={"exactly": 3}, short="repeat")
    np.testing.assert_array_equal(pcm(clip), np.resize(samples_of(1), samples))
    assert refusal(shorter, windows={"exactly": 3}, short="reject") == "too_short"


def test_silence_and_clipping_are_told(tmp_path: Path) -> None:
    (quiet,) = read(write_samples(tmp_path / "quiet.wav", np.full(RATE, 9e-4), subtype="FLOAT"))
    (heard,) = read(write_samples(tmp_path / "heard.wav", np.full(RATE, 1.1e-3), subtype="FLOAT"))
    assert (quiet.silent, heard.silent) == (True, False)
    (loud,) = read(write_samples(tmp_path / "loud.wav", np.array([0, 1.5, -2.0]), subtype="FLOAT"))
    assert loud.clipped == 2
    assert samples_from_pcm16(loud.pcm).min() == -1.0


def test_stretches_are_cut_at_the_source_rate(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "x.wav", seconds=5, rate=44_100)
    clips = read(path, max_seconds=2, long="split", resampler="soxr")
    assert [clip.part for clip in clips] == ["#t=0,2", "#t=2,4", "#t=4,5"]
    assert [len(clip.pcm) // 2 for clip in clips] == [32_000, 32_000, 16_000]
    assert clips[0].source_rate == 44_100
