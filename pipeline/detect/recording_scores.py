"""Scoring the windows of many recordings, from where an earlier attempt was stopped."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from components.window_model import WindowModel
from pipeline.detect.score_store import ScoredRecording, ScoreStore
from vggish.audio.recording_windows import RecordingEnd, WindowGrid, batch_windows, read_windows
from vggish.networks.window_batches import WINDOWS_A_BATCH
from vggish.read_ahead import read_ahead

_BATCHES_A_PART = 64  # Half an hour of sound at a hop of 0.48 s.

Advance = Callable[[int, float], None]
"""Takes the number of recordings and the seconds of sound that are done."""


def open_store(
    folder: str, files: Sequence[Path], model: WindowModel, grid: WindowGrid
) -> ScoreStore:
    """Opens the folder of the scores of a detection, with those of an earlier attempt.

    Args:
        folder: Its path or address.
        files: The recordings. Scores of others, or of other content by size and time, are removed.
        model: The model.
        grid: How recordings are cut.

    Returns:
        The store.
    """
    facts = [model.identity, model.classes, grid.hop, grid.resampler]
    digest = hashlib.sha256(json.dumps(facts).encode())
    for file in files:
        digest.update(repr((os.fspath(file), _state(file))).encode(errors="surrogateescape"))
    part_windows = WINDOWS_A_BATCH * _BATCHES_A_PART
    return ScoreStore(folder, digest.hexdigest(), len(model.classes), part_windows)


def score_recordings(
    files: Sequence[Path],
    model: WindowModel,
    grid: WindowGrid,
    store: ScoreStore,
    advance: Advance,
) -> None:
    """Scores the windows of recordings that the store does not have yet.

    Args:
        files: The recordings.
        model: The model.
        grid: How recordings are cut.
        store: The scores; all of them at the end.
        advance: Function that is told the progress.
    """

    def windows() -> Iterator[np.ndarray]:
        counted = store.begun
        items = _items(files[len(store.recordings) :], grid, skip=counted)
        for item in read_ahead(items):
            if isinstance(item, RecordingEnd):
                store.end_recording(ScoredRecording(counted, item.seconds, item.error))
                counted = 0
                advance(1, 0.0)
            else:
                counted += len(item)
                yield item

    for batch in batch_windows(windows(), WINDOWS_A_BATCH):
        store.add(model.score(batch))
        advance(0, len(batch) * grid.hop_seconds)
    store.finish()


def _items(
    files: Sequence[Path], grid: WindowGrid, skip: int
) -> Iterator[np.ndarray | RecordingEnd]:
    """Yields the windows and the end of each recording; of the first, not the first windows."""
    for file in files:
        yield from read_windows(file, grid, first=skip)
        skip = 0


def _state(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
