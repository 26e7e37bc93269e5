"""The windows of a recording, in their order, with the memory of a few seconds of sound."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from vggish.params import WINDOW_SAMPLES


def cut_windows(blocks: Iterable[np.ndarray], hop: int, *, skip: int = 0) -> Iterator[np.ndarray]:
    """Cuts a sound into windows.

    A window begins every `hop` samples, as long as the windows before it leave sound unheard; the
    last one is completed with silence. So no window lies in silence that the recording does not
    have, and a recording that is shorter than a window has one.

    Args:
        blocks: The sound at 16 kHz in order, float32 [n] each.
        hop: Samples between the starts of windows, at most those of a window.
        skip: Number of the first windows to leave out.

    Yields:
        Windows, float32 [w, 15600].
    """
    held = np.zeros(0, np.float32)
    start = samples = 0  # Of `held`, and all.
    window = 0
    for block in blocks:
        samples += block.size
        held = np.concatenate([held, block])
        if held.size >= WINDOW_SAMPLES:
            found = sliding_window_view(held, WINDOW_SAMPLES)[::hop]
            yield found[max(skip - window, 0) :]
            window += len(found)
            held = held[window * hop - start :]
            start = window * hop
    # Without a window before it, any sound has one; else only sound that no window has heard.
    heard = start - hop + WINDOW_SAMPLES if window else 0
    if samples > heard and window >= skip:
        yield np.pad(held, (0, WINDOW_SAMPLES - held.size))[np.newaxis]
