"""Sound in stretches, so that memory does not grow with the length of a recording."""

import os
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import numpy as np

from vggish.audio.decoding import Resampler, open_sound, resample
from vggish.errors import AudioError
from vggish.params import SAMPLE_RATE

_SECONDS = 30
_MARGIN = 1
"""Seconds of sound on both sides of a stretch that is resampled.

The filters are much shorter. In whole seconds, both rates have whole samples."""


def decode_in_stretches(
    file: str | os.PathLike[str] | BinaryIO, *, resampler: Resampler = "resampy"
) -> Iterator[np.ndarray]:
    """Decodes a sound file as `vggish.audio.decoding.decode` does, a stretch at a time.

    Args:
        file: A path, or a binary file open for reading.
        resampler: Resampler of other rates to 16 kHz.

    Yields:
        float32 [n], n >= 1, mono at 16 kHz; joined, they are the samples of the clip.

    Raises:
        OSError: The disk failed.
        AudioError: The file is refused, which may be known only at its end.
    """
    with open_sound(file) as sound:
        blocks = _checked(sound.blocks(), sound.name)
        yield from resampled(blocks, sound.rate, resampler)


def _checked(blocks: Iterable[np.ndarray], name: str) -> Iterator[np.ndarray]:
    empty = True
    for block in blocks:
        empty = False
        if not np.isfinite(block).all():
            raise AudioError(
                "non_finite", f"{name} holds samples that are not finite numbers; export it again."
            )
        yield block
    if empty:
        raise AudioError("empty", f"{name} holds no samples; remove it or record it again.")


def resampled(
    blocks: Iterable[np.ndarray], rate: int, resampler: Resampler = "resampy"
) -> Iterator[np.ndarray]:
    """Resamples mono blocks to 16 kHz as `vggish.audio.decoding.resample` does all of them.

    Args:
        blocks: float32 [n] each.
        rate: Their sample rate in Hz.
        resampler: The resampler.

    Yields:
        float32 [n], n >= 1.
    """
    if rate == SAMPLE_RATE:
        yield from blocks
        return
    margin = 0  # Seconds of sound before the next stretch.
    held = np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([held, block])
        while held.size >= (margin + _SECONDS + 2 * _MARGIN) * rate:
            covered = resample(held[: (margin + _SECONDS + _MARGIN) * rate], rate, resampler)
            yield covered[margin * SAMPLE_RATE : (margin + _SECONDS) * SAMPLE_RATE]
            held = held[(margin + _SECONDS - _MARGIN) * rate :]
            margin = _MARGIN
    if held.size:
        yield resample(held, rate, resampler)[margin * SAMPLE_RATE :]


def window_stretches(
    blocks: Iterable[np.ndarray], window: int, hop: int, windows: int
) -> Iterator[tuple[np.ndarray, bool]]:
    """Cuts a sound into stretches whose windows are those of the whole sound.

    Args:
        blocks: float32 [n], n >= 1, in order.
        window: Samples of a window.
        hop: Samples between the starts of windows.
        windows: Windows of a stretch; the last may have fewer, or one more.

    Yields:
        Stretches, which overlap as windows do, and whether it is the last.
    """
    step = windows * hop
    held = np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([held, block])
        while held.size >= step + window:  # So that the next one has a whole window.
            yield held[: step - hop + window], False
            held = held[step:]
    if held.size:
        yield held, True
