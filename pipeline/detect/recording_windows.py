"""The windows of recordings that may be damaged, made while their user has the last ones."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vggish.audio.decoding import (
    Resampler,
    open_sound,
    pcm16_from_samples,
    samples_from_pcm16,
)
from vggish.audio.recording_windows import cut_windows
from vggish.audio.resampled_blocks import resampled_blocks
from vggish.errors import AudioError
from vggish.params import SAMPLE_RATE


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
    """Cuts a recording into windows, as `cut_windows` does.

    Args:
        path: The file.
        hop: Samples at 16 kHz between the starts of windows, at most those of a window.
        resampler: Resampler of other rates to 16 kHz.
        skip: Number of the first windows to leave out.

    Yields:
        Windows in steps of 16 bits, as clip examples and served models have them: float32
        [w, 15600]. Then the end.
    """
    samples = 0
    error = None

    def heard() -> Iterator[np.ndarray]:
        nonlocal samples, error
        try:
            with open_sound(path) as sound:
                for block in resampled_blocks(sound, resampler, skip=skip * hop):
                    samples += block.size
                    yield samples_from_pcm16(pcm16_from_samples(block))
        except AudioError as fault:
            error = f"{fault.reason}: {fault}"

    yield from cut_windows(heard(), hop, skip=skip)
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
