"""The windows of a recording, in their order, with the memory of a few seconds of sound."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from vggish.audio.decoding import Resampler, open_sound
from vggish.audio.resampled_blocks import resampled_blocks
from vggish.errors import AudioError
from vggish.params import SAMPLE_RATE, WINDOW_SAMPLES

_JOINED_SAMPLES = 1 << 17  # 8 s.
_STEPS = np.float32(32_768.0)


@dataclass(frozen=True)
class RecordingEnd:
    """The end of a recording: of the file, or of what can be heard of it.

    Attributes:
        seconds: Length up to there.
        error: The reason why there is no more, or None.
    """

    seconds: float
    error: str | None


@dataclass(frozen=True)
class WindowGrid:
    """How recordings are cut into windows.

    Attributes:
        hop: Samples at 16 kHz between the starts of windows, at most those of a window.
        resampler: Resampler of other rates to 16 kHz.
    """

    hop: int
    resampler: Resampler = "resampy"

    @property
    def hop_seconds(self) -> float:
        """Seconds between the starts of windows."""
        return self.hop / SAMPLE_RATE


def read_windows(
    path: str | os.PathLike[str], grid: WindowGrid, *, first: int = 0, count: int | None = None
) -> Iterator[np.ndarray | RecordingEnd]:
    """Cuts a recording, or a stretch of it, into windows, as `cut_windows` does.

    A window has the same samples in every stretch.

    Args:
        path: The file.
        grid: How it is cut.
        first: Number of the first windows to leave out.
        count: Maximum number of windows; None for all.

    Yields:
        Windows in steps of 16 bits, as clip examples and served models have them: float32
        [w, 15600]. Then the end, unless there is a window after these.
    """
    begin = max(first - 1, 0)  # Where the last window before the end ends, the end is heard, too.
    samples = begin * grid.hop
    error = None

    def heard() -> Iterator[np.ndarray]:
        nonlocal samples, error
        try:
            with open_sound(path) as sound:
                for block in resampled_blocks(sound, grid.resampler, start=samples):
                    samples += block.size
                    yield _rounded(block)
        except AudioError as fault:
            error = f"{fault.reason}: {fault}"

    place = begin
    last = None if count is None else first + count
    for windows in cut_windows(heard(), grid.hop, first=begin):
        yield windows[max(first - place, 0) : None if last is None else max(last - place, 0)]
        place += len(windows)
        if last is not None and place > last:
            return
    yield RecordingEnd(samples / SAMPLE_RATE, error)


def cut_windows(blocks: Iterable[np.ndarray], hop: int, *, first: int = 0) -> Iterator[np.ndarray]:
    """Cuts a sound into windows.

    A window begins every `hop` samples, as long as the windows before it leave sound unheard; the
    last one is completed with silence. So no window lies in silence that the recording does not
    have, and a recording that is shorter than a window has one.

    Args:
        blocks: The sound at 16 kHz in order, float32 [n] each, from the start of window `first`.
        hop: Samples between the starts of windows, at most those of a window.
        first: Number of the windows before the sound.

    Yields:
        Windows, float32 [w, 15600].
    """
    held = np.zeros(0, np.float32)
    start = samples = 0  # Of `held`, and all.
    window = 0
    for block in _joined(blocks):
        samples += block.size
        held = np.concatenate([held, block])
        if held.size >= WINDOW_SAMPLES:
            found = sliding_window_view(held, WINDOW_SAMPLES)[::hop]
            yield found
            window += len(found)
            held = held[window * hop - start :]
            start = window * hop
    # Without a window before it, any sound has one; else only sound that no window has heard.
    heard = start - hop + WINDOW_SAMPLES if first + window else 0
    if samples > heard:
        yield np.pad(held, (0, WINDOW_SAMPLES - held.size))[np.newaxis]


def _rounded(samples: np.ndarray) -> np.ndarray:
    """Rounds to 16 bits, as `pcm16_from_samples` and back, but in a third of the time."""
    scaled = samples * _STEPS
    np.rint(scaled, out=scaled)
    np.clip(scaled, -_STEPS, _STEPS - 1, out=scaled)
    return np.divide(scaled, _STEPS, out=scaled)


def _joined(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Joins small blocks, such as the frames of FLAC, which would cost more than their samples."""
    waiting: list[np.ndarray] = []
    count = 0
    for block in blocks:
        waiting.append(block)
        count += block.size
        if count >= _JOINED_SAMPLES:
            yield np.concatenate(waiting)
            waiting, count = [], 0
    if count:
        yield np.concatenate(waiting)


def batch_windows(parts: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Joins and cuts windows into batches.

    Args:
        parts: Windows, float32 [w, 15600] each.
        size: Windows of a batch.

    Yields:
        float32 [size, 15600]; the last has at least one window.
    """
    waiting: list[np.ndarray] = []
    count = 0
    for part in parts:
        waiting.append(part)
        count += len(part)
        if count >= size:
            windows = np.concatenate(waiting)
            whole = count - count % size
            yield from (windows[start : start + size] for start in range(0, whole, size))
            waiting, count = [windows[whole:]], count - whole
    if count:
        yield np.concatenate(waiting)
