"""Windows of recordings: where they begin, what they hold, and where the recording ends."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from vggish.audio.decoding import decode, pcm16_from_samples, samples_from_pcm16
from vggish.audio.recording_windows import RecordingEnd, WindowGrid, batch_windows, read_windows

WINDOW = 15_600


def write_noise(path: Path, samples: int, rate: int = 16_000) -> Path:
    soundfile.write(path, np.random.default_rng(samples).uniform(-0.5, 0.5, samples), rate)
    return path


def windows_of(path: Path, hop: int, first: int = 0) -> tuple[np.ndarray, RecordingEnd]:
    *parts, end = read_windows(path, WindowGrid(hop), first=first)
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
    for first in (1, 45, 82):
        rest, same_end = windows_of(path, 7_680, first)
        np.testing.assert_array_equal(rest, whole[first:])
        assert end == same_end


@pytest.mark.parametrize("hop", [7_680, 15_360, 15_600])
@pytest.mark.parametrize("rate", [16_000, 22_050])
@pytest.mark.parametrize("samples", [1_000, 15_360 * 20 + 240, 15_360 * 20 + 241, 15_600 * 20])
def test_stretches_together_are_the_recording(
    samples: int, rate: int, hop: int, tmp_path: Path
) -> None:
    path = write_noise(tmp_path / "a.flac", round(samples * rate / 16_000), rate)
    whole, end = windows_of(path, hop)
    found, ends = [], []
    for first in range(0, 60, 7):
        for item in read_windows(path, WindowGrid(hop), first=first, count=7):
            (ends if isinstance(item, RecordingEnd) else found).append(item)
    np.testing.assert_array_equal(np.concatenate(found), whole)
    # What is after the end has no windows.
    assert ends[0] == end
    assert len(ends) == 9 - (len(whole) - 1) // 7


def test_batches_hold_all_windows_in_their_order() -> None:
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(size, 3)) for size in (0, 5, 20, 1, 0, 7, 3)]
    batches = list(batch_windows(parts, 8))
    assert [len(batch) for batch in batches] == [8, 8, 8, 8, 4]
    np.testing.assert_array_equal(np.concatenate(batches), np.concatenate(parts))
    assert list(batch_windows([], 8)) == []


def test_a_recording_that_was_heard_has_only_an_end(tmp_path: Path) -> None:
    path = write_noise(tmp_path / "a.wav", 50_000)
    rest, end = windows_of(path, 7_680, first=6)
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
