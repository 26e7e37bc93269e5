"""Scoring the windows of many recordings, from where an earlier attempt was stopped."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.detect.recording_windows import RecordingEnd, read_ahead, read_windows
from pipeline.detect.score_store import ScoredRecording, ScoreStore
from pipeline.detect.window_model import WindowModel
from vggish.audio.decoding import Resampler
from vggish.networks.window_batches import WINDOWS_A_BATCH
from vggish.params import SAMPLE_RATE

_BATCHES_A_PART = 64  # Half an hour of sound at a hop of 0.48 s.

Advance = Callable[[int, float], None]
"""Takes the number of recordings and the seconds of sound that are done."""


@dataclass(frozen=True)
class WindowSettings:
    """How recordings are cut into windows.

    Attributes:
        hop: Samples at 16 kHz between the starts of windows.
        resampler: Resampler of other rates to 16 kHz.
    """

    hop: int
    resampler: Resampler = "resampy"

    @property
    def hop_seconds(self) -> float:
        """Seconds between the starts of windows."""
        return self.hop / SAMPLE_RATE


def open_store(
    folder: str, files: Sequence[Path], model: WindowModel, settings: WindowSettings
) -> ScoreStore:
    """Opens the folder of the scores of a detection, with those of an earlier attempt.

    Args:
        folder: Its path or address.
        files: The recordings. Scores of others, or of other content by size and time, are removed.
        model: The model.
        settings: How recordings are cut.

    Returns:
        The store.
    """
    facts = [model.identity, model.classes, settings.hop, settings.resampler]
    digest = hashlib.sha256(json.dumps(facts).encode())
    for file in files:
        digest.update(repr((os.fspath(file), _state(file))).encode(errors="surrogateescape"))
    part_windows = WINDOWS_A_BATCH * _BATCHES_A_PART
    return ScoreStore(folder, digest.hexdigest(), len(model.classes), part_windows)


def score_recordings(
    files: Sequence[Path],
    model: WindowModel,
    settings: WindowSettings,
    store: ScoreStore,
    advance: Advance,
) -> None:
    """Scores the windows of recordings that the store does not have yet.

    Args:
        files: The recordings.
        model: The model.
        settings: How recordings are cut.
        store: The scores; all of them at the end.
        advance: Function that is told the progress.
    """
    waiting: list[np.ndarray] = []
    skip = counted = store.begun
    for item in read_ahead(_items(files[len(store.recordings) :], settings, skip)):
        if isinstance(item, RecordingEnd):
            store.end_recording(ScoredRecording(counted, item.seconds, item.error))
            counted = 0
            advance(1, 0.0)
            continue
        waiting.append(item)
        counted += len(item)
        while sum(map(len, waiting)) >= WINDOWS_A_BATCH:
            windows = np.concatenate(waiting)
            store.add(model.score(windows[:WINDOWS_A_BATCH]))
            waiting = [windows[WINDOWS_A_BATCH:]]
            advance(0, WINDOWS_A_BATCH * settings.hop_seconds)
    if sum(map(len, waiting)):
        store.add(model.score(np.concatenate(waiting)))
    store.finish()


def _items(
    files: Sequence[Path], settings: WindowSettings, skip: int
) -> Iterator[np.ndarray | RecordingEnd]:
    """Yields the windows and the end of each recording; of the first, not the first windows."""
    for file in files:
        yield from read_windows(file, settings.hop, settings.resampler, skip=skip)
        skip = 0


def _state(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
