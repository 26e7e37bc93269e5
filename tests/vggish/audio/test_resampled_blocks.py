"""Long sounds in blocks: the same samples as in one piece."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
import soundfile

from vggish.audio.decoding import Resampler, decode, open_sound
from vggish.audio.resampled_blocks import resampled_blocks
from vggish.errors import AudioError


def flac(rate: int, seconds: float) -> io.BytesIO:
    file = io.BytesIO()
    noise = np.random.default_rng(rate).normal(0, 0.2, round(seconds * rate)).clip(-1, 1)
    soundfile.write(file, noise, rate, format="FLAC")
    file.seek(0)
    return file


def blocks_of(file: io.BytesIO, resampler: Resampler = "resampy", start: int = 0) -> np.ndarray:
    file.seek(0)
    with open_sound(file) as sound:
        return np.concatenate(list(resampled_blocks(sound, resampler, start=start)))


@pytest.mark.parametrize(
    ("rate", "seconds", "resampler"),
    [
        (16_000, 45.01, "resampy"),
        (44_100, 61.37, "resampy"),
        (44_101, 41.0, "resampy"),  # Shares no factor with 16,000.
        (8_000, 40.0, "resampy"),  # Ends with a block.
        (48_000, 20.03, "resampy"),  # Less than a margin after a block.
        (44_100, 0.3, "resampy"),
        (44_100, 61.37, "soxr"),
        (22_050, 45.2, "soxr"),
    ],
)
def test_blocks_equal_one_piece(rate: int, seconds: float, resampler: Resampler) -> None:
    file = flac(rate, seconds)
    whole = decode(file, resampler=resampler).samples
    found = blocks_of(file, resampler)
    assert found.shape == whole.shape
    # soxr dithers nothing, and its filters are long: their far ends are below 16 bits.
    np.testing.assert_allclose(found, whole, atol=1e-6 if resampler == "resampy" else 1e-5)


@pytest.mark.parametrize("resampler", ["resampy", "soxr"])
@pytest.mark.parametrize(
    ("rate", "seconds", "start"),
    [
        (22_050, 90, 50.0),
        (44_100, 61.37, 20.001),  # Less than a margin after the start of a block.
        (44_100, 40.03, 40.01),  # In what the last block has beyond its size.
        (44_101, 41, 33.3),
        (16_000, 45, 44.9),
        (8_000, 30, 31),
    ],
)
def test_what_is_left_out_leaves_the_rest_to_the_bit(
    rate: int, seconds: float, start: float, resampler: Resampler
) -> None:
    file = flac(rate, seconds)
    whole = blocks_of(file, resampler)
    first = round(start * 16_000)
    file.seek(0)
    with open_sound(file) as sound:
        rest = list(resampled_blocks(sound, resampler, start=first))
    np.testing.assert_array_equal(np.concatenate([whole[:0], *rest]), whole[first:])


def test_what_is_left_out_is_not_resampled(monkeypatch: pytest.MonkeyPatch) -> None:
    from vggish.audio import resampled_blocks as module

    sizes: list[int] = []
    resample = module.resample
    monkeypatch.setattr(
        module, "resample", lambda samples, *rest: sizes.append(1) or resample(samples, *rest)
    )
    assert blocks_of(flac(22_050, 90), start=50 * 16_000).size == 40 * 16_000
    assert len(sizes) == 3


class Broken:
    """A sound that ends in a fault."""

    name, format, channels, frames = "broken.wav", "WAV", 1, None

    def __init__(self, rate: int, blocks: list[np.ndarray], fault: AudioError | None = None):
        self.rate = rate
        self._blocks = blocks
        self._fault = fault

    def blocks(self, start: int = 0) -> Iterator[np.ndarray]:
        assert start == 0
        yield from self._blocks
        if self._fault:
            raise self._fault


def heard_before_the_fault(sound: Broken) -> tuple[int, str]:
    heard = 0
    with pytest.raises(AudioError) as fault:
        for block in resampled_blocks(sound):
            heard += block.size
    return heard, fault.value.reason


@pytest.mark.parametrize("rate", [16_000, 32_000])
def test_all_before_a_fault_is_heard(rate: int) -> None:
    good = np.full(25 * rate, 0.1, np.float32)
    damage = AudioError("damaged", "broken.wav is damaged.")
    assert heard_before_the_fault(Broken(rate, [good], damage)) == (400_000, "damaged")
    bad = good.copy()
    bad[5 * rate :] = np.nan
    assert heard_before_the_fault(Broken(rate, [good, bad])) == (480_000, "non_finite")
    assert heard_before_the_fault(Broken(rate, [])) == (0, "empty")
