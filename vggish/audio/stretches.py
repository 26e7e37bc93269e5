"""Sound in stretches, so that memory does not grow with the length of a recording."""

import os
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import numpy as np

from vggish.audio.decoding import Resampler, open_sound
from vggish.audio.resampled_blocks import resampled_blocks


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
        yield from resampled_blocks(sound, resampler)


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
