"""Windows of recordings: where they begin, what they hold, and where the recording ends."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipeline.detect.recording_windows import RecordingEnd, read_ahead, read_windows
from vggish.audio.decoding import decode, pcm16_from_samples, samples_from_pcm16

WINDOW = 15_600


def write_noise(path: Path, samples: int, rate: int = 16_000) -> Path:
    soundfile.write(path, np.random.default_rng(samples).uniform(-0.5, 0.5, samples), rate)
    return path


def windows_of(path: Path, hop: int, skip: int = 0) -> tuple[np.ndarray, RecordingEnd]:
    *parts, end = read_windows(path, hop, "resampy", skip=skip)
    assert isinstance(end, RecordingEnd)
    return np.concatenate([np.zeros((0, WINDOW), np.float32), *parts]), end


@pytest.mark.parametrize("hop", [1_600, 7_680, 15_360])
@pytest.mark.parametrize(
    "samples", [1, 15_360, 15_600, 15_601, 15_600 + 7_680, 15_601 + 7_680, 30_960]
)
def test_windows_are_those_of_the_whole_recording(hop: int, samples: int, tmp_path: Path) -> None:
    path = write_noise(tmp_path / "a.wav", samples)
    found, end = windows_of(path, hop)
    whole = samples_from_pcm16(pcm16_from_samples(decode(path).samples))
    # A window begins only where the windows before it leave sound unheard.
    starts = [0]
    while starts[-1] + WINDOW < samples:
        starts.append(starts[-1] + hop)
    silence = np.zeros(WINDOW, np.float32)
    expected = [np.concatenate([whole[start:], silence])[:WINDOW] for start in starts]
    np.testing.assert_array_equal(found, expected)
    assert end == RecordingEnd(samples / 16_000, None)


def test_skipped_windows_leave_the_others_as_they_are(tmp_path: Path) -> None:
    path = write_noise(tmp_path / "a.wav", 320_000, 8_000)
    whole, end = windows_of(path, 7_680)
    assert len(whole) == 83
    assert end.seconds == 40
    for skip in (1, 45, 82):
        rest, same_end = windows_of(path, 7_680, skip)
        np.testing.assert_array_equal(rest, whole[skip:])
        assert end == same_end


def test_a_recording_that_was_heard_has_only_an_end(tmp_path: Path) -> None:
    path = write_noise(tmp_path / "a.wav", 50_000)
    rest, end = windows_of(path, 7_680, skip=6)
    assert len(rest) == 0
    assert end.seconds == 3.125


def test_damage_ends_a_recording_where_it_is(tmp_path: Path) -> None:
    path = write_noise(tmp_path / "a.flac", 20 * 16_000)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :][:64] = b"\0" * 64
    middle = len(content) // 2
    content[middle : middle + 64] = b"\0" * 64
    path.write_bytes(content)
    found, end = windows_of(path, 7_680)
    assert 9 < end.seconds < 11
    assert len(found) == 1 + np.ceil((end.seconds * 16_000 - WINDOW) / 7_680)
    assert end.error is not None
    assert end.error.startswith(f"damaged: {path} is damaged after {round(end.seconds * 16_000)}")


def test_what_is_no_sound_has_no_window(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("no sound")
    found, end = windows_of(tmp_path / "a.wav", 7_680)
    assert len(found) == 0
    assert end.seconds == 0
    assert str(end.error).startswith("unreadable: ")


def test_reading_ahead_keeps_order_and_errors() -> None:
    def broken():
        yield from range(5)
        raise OSError("the disk failed")

    seen = []
    with pytest.raises(OSError, match="the disk failed"):
        for item in read_ahead(broken()):
            seen.append(item)
    assert seen == [0, 1, 2, 3, 4]
