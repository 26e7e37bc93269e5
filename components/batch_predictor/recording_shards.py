"""Recordings in shards of minutes, so that all workers share the work of a long one."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import apache_beam as beam

from components.batch_predictor.recordings import RECORDINGS_KEY
from components.file_trees.data_root import open_tree
from components.file_trees.file_tree import Entry, FileTree
from components.file_trees.refusals import Reject
from vggish.audio.decoding import open_sound
from vggish.audio.recording_windows import WindowGrid
from vggish.errors import AudioError
from vggish.networks.window_batches import WINDOWS_A_BATCH
from vggish.params import SAMPLE_RATE

_FILES_A_STEP = 64
_SAMPLE_BYTES = 2  # Of the sound that a file of unknown length is taken for.


@dataclass(frozen=True)
class RecordingShard:
    """Windows of a recording that one worker scores in one go.

    Attributes:
        path: Path of the recording below its folder.
        first: Number of its first window.
        count: Number of windows; None for all to the end of the recording, wherever that is.
        refused: Why the recording cannot be heard, or None.
    """

    path: str
    first: int = 0
    count: int | None = None
    refused: Reject | None = None


class CutRecordings(beam.PTransform):
    """Cuts recordings into groups of shards; short recordings share a group.

    Args:
        folder: The folder of the recordings.
        entries: The recordings.
        grid: How they are cut into windows.
        seconds: Seconds of a group, at least; at most one batch of windows more, unless nothing but
            decoding tells the length of a recording, or finds a place in it.
    """

    def __init__(self, folder: str, entries: Sequence[Entry], grid: WindowGrid, seconds: float):
        super().__init__()
        self._folder = folder
        self._entries = entries
        self._grid = grid
        batches = math.ceil(seconds / grid.hop_seconds / WINDOWS_A_BATCH)
        self._windows = batches * WINDOWS_A_BATCH

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        """Adds the steps to the pipeline; yields lists of `RecordingShard`."""
        return (
            pipeline
            | "List" >> beam.Create(list(itertools.batched(self._entries, _FILES_A_STEP)))
            | "SpreadFiles" >> beam.Reshuffle()
            | "Cut" >> beam.FlatMap(cut_recordings, self._folder, self._grid, self._windows)
            | "SpreadShards" >> beam.Reshuffle()
        )


def cut_recordings(
    entries: Iterable[Entry], folder: str, grid: WindowGrid, windows: int
) -> Iterator[list[RecordingShard]]:
    """Yields shards in groups of at least `windows` windows; the last may have fewer."""
    tree = open_tree(folder, RECORDINGS_KEY)
    group: list[RecordingShard] = []
    grouped = 0
    for entry in entries:
        for shard, size in _shards(entry, tree, grid, windows):
            group.append(shard)
            grouped += size
            if grouped >= windows:
                yield group
                group, grouped = [], 0
    if group:
        yield group


def _shards(
    entry: Entry, tree: FileTree, grid: WindowGrid, windows: int
) -> Iterator[tuple[RecordingShard, int]]:
    """Yields the shards of a recording, and how many windows they may have."""
    if entry.refused:
        yield RecordingShard(entry.path, refused=entry.refused), 0
        return
    samples = _stated_samples(entry, tree)
    if samples is None:
        yield RecordingShard(entry.path), entry.size // (_SAMPLE_BYTES * grid.hop)
        return
    starts = range(0, max(samples // grid.hop, 1), windows)
    for first in starts[:-1]:
        yield RecordingShard(entry.path, first, windows), windows
    # Headers may be wrong, so that the last one is as long as it is.
    yield RecordingShard(entry.path, starts[-1]), samples // grid.hop - starts[-1]


def _stated_samples(entry: Entry, tree: FileTree) -> int | None:
    """Returns the samples at 16 kHz that a header states, if reading can begin at any of them."""
    try:
        with tree.local(entry.path) as path, open_sound(path) as sound:
            return None if sound.frames is None else sound.frames * SAMPLE_RATE // sound.rate
    except AudioError:
        return None  # Whoever reads it says so.
