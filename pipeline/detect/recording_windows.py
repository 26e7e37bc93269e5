"""The windows of recordings, in their order, with the memory of a few seconds of sound."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from vggish.audio.decoding import (
    Resampler,
    open_sound,
    pcm16_from_samples,
    samples_from_pcm16,
)
from vggish.audio.resampled_blocks import resampled_blocks
from vggish.errors import AudioError
from vggish.params import SAMPLE_RATE, WINDOW_SAMPLES


@dataclass(frozen=True)
class RecordingEnd:
    """The end of a recording: of the file, or of what can be heard of it.

    Attributes:
        seconds: Length up to there.
        error: The reason why there is no more, or None.
    """

    seconds: float
    error: str | None


def read_windows(
    path: Path, hop: int, resampler: Resampler, *, skip: int = 0
) -> Iterator[np.ndarray | RecordingEnd]:
    """Cuts a recording into windows.

    A window begins every `hop` samples, as long as the windows before it leave sound unheard; the
    last one is completed with silence. So no window lies in silence that the recording does not
    have, and a recording that is shorter than a window has one.

    Args:
        path: The file.
        hop: Samples at 16 kHz between the starts of windows, at most those of a window.
        resampler: Resampler of other rates to 16 kHz.
        skip: Number of the first windows to leave out.

    Yields:
        Windows in steps of 16 bits, as clip examples and served models have them: float32
        [w, 15600]. Then the end.
    """
    held = np.zeros(0, np.float32)
    start = samples = 0  # Of `held`, and all.
    error = None
    window = 0
    try:
        with open_sound(path) as sound:
            for block in resampled_blocks(sound, resampler, skip=skip * hop):
                samples += block.size
                held = np.concatenate([held, samples_from_pcm16(pcm16_from_samples(block))])
                if held.size >= WINDOW_SAMPLES:
                    found = sliding_window_view(held, WINDOW_SAMPLES)[::hop]
                    yield found[max(skip - window, 0) :]
                    window += len(found)
                    held = held[window * hop - start :]
                    start = window * hop
    except AudioError as fault:
        error = f"{fault.reason}: {fault}"
    # Without a window before it, any sound has one; else only sound that no window has heard.
    heard = start - hop + WINDOW_SAMPLES if window else 0
    if samples > heard and window >= skip:
        yield np.pad(held, (0, WINDOW_SAMPLES - held.size))[np.newaxis]
    yield RecordingEnd(samples / SAMPLE_RATE, error)


def read_ahead[Item](items: Iterable[Item]) -> Iterator[Item]:
    """Yields the same items, each of which is made in a thread while its user has the last one."""
    made = iter(items)
    nothing = object()
    with ThreadPoolExecutor(max_workers=1) as thread:
        waiting = thread.submit(next, made, nothing)
        while (item := waiting.result()) is not nothing:
            waiting = thread.submit(next, made, nothing)
            yield item  # type: ignore[misc]  # Anything but the mark of the end.
