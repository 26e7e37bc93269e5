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
    sound: Sound, resampler: Resampler = "resampy", *, skip: int = 0
) -> Iterator[np.ndarray]:
    """Yields a sound at 16 kHz in order; joined, it equals `decode(...).samples` to 1e-6.

    A block is resampled together with the sound around it, as far as the filter reaches.

    Args:
        sound: The open sound.
        resampler: Resampler of other rates; see `vggish.audio.decoding.resample`.
        skip: Number of samples at the beginning that nobody needs. As many as possible are zeros,
            since decoding takes little time and resampling much.

    Yields:
        float32 [n], n >= 1.

    Raises:
        AudioError: `damaged`, `empty` or `non_finite`; all of the sound before it was yielded.
    """
    if sound.rate == SAMPLE_RATE:
        yield from _checked_blocks(sound)
        return
    unit = sound.rate // math.gcd(sound.rate, SAMPLE_RATE)  # So many are whole at both rates.
    reach = max(_CROSSINGS, sound.rate // _PART_OF_A_SECOND)
    margin = -(-reach // unit) * unit
    done, size = 0, _BLOCK_SECONDS * SAMPLE_RATE
    for stretch, lead, is_last in _overlapping(sound, _BLOCK_SECONDS * sound.rate, margin):
        if done + size <= skip and not is_last:
            samples = np.zeros(size, np.float32)
        else:
            samples = resample(stretch, sound.rate, resampler)[lead * SAMPLE_RATE // sound.rate :]
            samples = samples if is_last else samples[:size]
        done += samples.size
        yield samples


def _overlapping(sound: Sound, size: int, margin: int) -> Iterator[tuple[np.ndarray, int, bool]]:
    """Yields blocks of `size` samples with `margin` more to either side, where there are any.

    Yields:
        The samples, float32 [n]; the number of them before the block; and whether it is the last.
    """
    waiting: list[np.ndarray] = []
    count = lead = 0
    fault = None
    try:
        for some in _checked_blocks(sound):
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


def _checked_blocks(sound: Sound) -> Iterator[np.ndarray]:
    is_empty = True
    for block in sound.blocks():
        finite = np.isfinite(block)
        if not finite.all():
            if good := int(finite.argmin()):
                yield block[:good]
            raise non_finite_sound(sound.name)
        is_empty = False
        yield block
    if is_empty:
        raise empty_sound(sound.name)
