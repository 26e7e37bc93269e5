"""The scores of shards of recordings, and of whole recordings from those of their shards."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import apache_beam as beam
import numpy as np
from apache_beam.utils.shared import Shared

from components.batch_predictor.recording_shards import RecordingShard
from components.batch_predictor.recordings import RECORDINGS_KEY, recording_name
from components.file_trees.data_root import open_tree
from components.file_trees.refusals import RefusedError
from components.window_model import WindowModel, load_window_model
from vggish.audio.recording_windows import (
    RecordingEnd,
    WindowGrid,
    batch_windows,
    read_windows,
)
from vggish.errors import AudioError
from vggish.networks.window_batches import WINDOWS_A_BATCH
from vggish.progress import Progress
from vggish.read_ahead import read_ahead


@dataclass(frozen=True)
class ShardScores:
    """The scores of the windows of a shard.

    Attributes:
        first: Number of its first window.
        scores: float32 [w, classes].
        end: The end of the recording, if it is in this shard, or before it.
    """

    first: int
    scores: np.ndarray
    end: RecordingEnd | None


class ScoreShards(beam.DoFn):
    """Scores groups of shards; yields a recording's path and the `ShardScores`.

    Args:
        folder: The folder of the recordings.
        model: The SavedModel, which is loaded once per worker.
        grid: How recordings are cut into windows.
    """

    def __init__(self, folder: str, model: str, grid: WindowGrid):
        self._folder = folder
        self._path = model
        self._grid = grid
        self._shared = Shared()

    def setup(self) -> None:
        """Loads the model, and opens the folder."""
        self._model: WindowModel = self._shared.acquire(lambda: load_window_model(self._path))
        self._tree = open_tree(self._folder, RECORDINGS_KEY)
        self._opened = ExitStack()
        self._local: tuple[str, str] | None = None
        self._progress = Progress("windows")

    def teardown(self) -> None:
        """Forgets the last recording."""
        self._opened.close()

    def process(self, shards: Sequence[RecordingShard]) -> Iterator[tuple[str, ShardScores]]:
        """Yields the scores of each shard; batches go over the shards of a group."""
        ends: list[tuple[int, RecordingEnd | None]] = []
        counted = 0

        def windows() -> Iterator[np.ndarray]:
            nonlocal counted
            for item in read_ahead(self._read(shards)):
                if isinstance(item, np.ndarray):
                    counted += len(item)
                    yield item
                else:
                    ends.append((counted, item))

        scores = [np.zeros([0, len(self._model.classes)], np.float32)]
        for batch in batch_windows(windows(), WINDOWS_A_BATCH):
            scores.append(self._model.score(batch))
            self._progress.advance(len(batch))
        parts = np.split(np.concatenate(scores), [place for place, _ in ends[:-1]])
        for shard, part, (_, end) in zip(shards, parts, ends, strict=True):
            yield shard.path, ShardScores(shard.first, part, end)

    def _read(self, shards: Sequence[RecordingShard]) -> Iterator[np.ndarray | RecordingEnd | None]:
        """Yields the windows of each shard, and then the recording's end, or None."""
        for shard in shards:
            end: RecordingEnd | None = None
            try:
                path = self._place(shard)
                for item in read_windows(path, self._grid, first=shard.first, count=shard.count):
                    if isinstance(item, RecordingEnd):
                        error = item.error and item.error.replace(path, self._name(shard))
                        end = replace(item, error=error)
                    else:
                        yield item
            except AudioError as error:
                end = RecordingEnd(0.0, f"{error.reason}: {self._name(shard)}: {error}")
            yield end

    def _place(self, shard: RecordingShard) -> str:
        """Returns a recording's path on this machine; a copy is kept until another is needed.

        Raises:
            AudioError: The recording is refused.
            OSError: The storage or this machine failed.
        """
        if shard.refused is not None:
            raise RefusedError(shard.refused.reason, shard.refused.detail)
        if self._local is None or self._local[0] != shard.path:
            self._opened.close()
            self._local = None
            path = self._opened.enter_context(self._tree.local(shard.path))
            self._local = (shard.path, path)
        return self._local[1]

    def _name(self, shard: RecordingShard) -> str:
        return recording_name(self._folder, shard.path)


def join_shards(shards: Iterable[ShardScores]) -> tuple[np.ndarray, RecordingEnd]:
    """Joins the scores of a recording, whose end is that of the first shard which came to one.

    Args:
        shards: The scores of its shards, in any order.

    Returns:
        The scores of all windows, float32 [n, classes], and the end.
    """
    parts = []
    for shard in sorted(shards, key=lambda shard: shard.first):
        parts.append(shard.scores)
        if shard.end is not None:
            return np.concatenate(parts), shard.end
    raise AssertionError("The last shard of a recording goes on to its end.")
