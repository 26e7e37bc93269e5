"""A sound of any length at 16 kHz, in blocks: hours of it take the memory of seconds."""

import math
from collections.abc import Iterator

import numpy as np

from vggish.audio.decoding import Resampler, Sound, empty_sound, non_finite_sound, resample
from vggish.errors import AudioError
from vggish.params import SAMPLE_RATE

_BLOCK_SECONDS = 20
_CROSSINGS = 64  # Reach of resampy's filter to either side, in samples of the lower rate.
_PART_OF_A_SECOND = 20  # No less than 1/20 s, for soxr's filters.


def resampled_blocks(
    sound: Sound, resampler: Resampler = "resampy", *, start: int = 0
) -> Iterator[np.ndarray]:
    """Yields a sound at 16 kHz in order; joined, it equals `decode(...).samples` to 1e-6.

    A block is resampled together with the sound around it, as far as the filter reaches. Blocks lie
    at the same places for every `start`, so that a sample has the same bits.

    Args:
        sound: The open sound.
        resampler: Resampler of other rates; see `vggish.audio.decoding.resample`.
        start: Number of samples at 16 kHz at the beginning to leave out.

    Yields:
        float32 [n], n >= 1; nothing if the sound ends before `start`.

    Raises:
        AudioError: `damaged`, `empty` or `non_finite`; all of the sound before it was yielded.
    """
    if sound.rate == SAMPLE_RATE:
        yield from _checked_blocks(sound, start)
        return
    unit = sound.rate // math.gcd(sound.rate, SAMPLE_RATE)  # So many are whole at both rates.
    reach = max(_CROSSINGS, sound.rate // _PART_OF_A_SECOND)
    margin = -(-reach // unit) * unit
    size = _BLOCK_SECONDS * SAMPLE_RATE
    # What is less than a margin after the start of a block may be the end of the block before.
    first = max(start - margin * SAMPLE_RATE // sound.rate, 0) // size
    done = first * size
    for stretch, lead, is_last in _overlapping(sound, _BLOCK_SECONDS * sound.rate, margin, first):
        samples = resample(stretch, sound.rate, resampler)[lead * SAMPLE_RATE // sound.rate :]
        samples = samples if is_last else samples[:size]
        wanted = samples[max(start - done, 0) :]
        done += samples.size
        if wanted.size:
            yield wanted


def _overlapping(
    sound: Sound, size: int, margin: int, first: int
) -> Iterator[tuple[np.ndarray, int, bool]]:
    """Yields blocks of `size` samples with `margin` more to either side, where there are any.

    Args:
        sound: The open sound.
        size: Samples of a block.
        margin: Samples around it; fewer than those of a block.
        first: Number of blocks at the beginning to leave out.

    Yields:
        The samples, float32 [n]; the number of them before the block; and whether it is the last.
    """
    waiting: list[np.ndarray] = []
    count = 0
    lead = margin if first else 0
    fault = None
    try:
        for some in _checked_blocks(sound, first * size - lead):
            waiting.append(some)
            count += some.size
            while count >= lead + size + margin:
                held = np.concatenate(waiting)
                yield held[: lead + size + margin], lead, False
                waiting = [held[lead + size - margin :]]
                count, lead = waiting[0].size, margin
    except AudioError as error:
        fault = error
    if count:
        yield np.concatenate(waiting), lead, True
    if fault is not None:
        raise fault


def _checked_blocks(sound: Sound, start: int) -> Iterator[np.ndarray]:
    is_empty = start == 0
    for block in sound.blocks(start):
        finite = np.isfinite(block)
        if not finite.all():
            if good := int(finite.argmin()):
                yield block[:good]
            raise non_finite_sound(sound.name)
        is_empty = False
        yield block
    if is_empty:
        raise empty_sound(sound.name)
