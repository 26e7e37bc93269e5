"""The scores of windows in a folder, so that a detection that was stopped goes on from there.

The windows of all recordings, one recording after the other, are cut into parts of the same size.
A part is one file, which appears when it is complete.
"""

import json
import posixpath
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import tensorflow as tf

from vggish.npz_files import read_arrays, write_arrays
from vggish.output_files import output_file

_JOB = "job.json"


@dataclass(frozen=True)
class ScoredRecording:
    """A recording whose windows are scored.

    Attributes:
        windows: Number of its windows.
        seconds: Length, or length of what can be heard of it.
        error: The reason why there is no more, or None.
    """

    windows: int
    seconds: float
    error: str | None


class ScoreStore:
    """A folder with the scores of windows.

    Args:
        folder: Its path or address; it is made if necessary. The scores of another job in it are
            removed.
        job: Text that differs between jobs whose scores differ.
        classes: Number of classes.
        part_windows: Number of windows of a part; a multiple of a batch, so that a batch has the
            same windows, and a score the same bits, if the job was stopped before it.
    """

    def __init__(self, folder: str, job: str, classes: int, part_windows: int):
        self._folder = folder
        self._none = np.zeros((0, classes), np.float32)
        self._part_windows = part_windows
        self._scores: list[np.ndarray] = []
        self._waiting = 0  # Windows in `_scores`.
        self._ends: deque[tuple[int, ScoredRecording]] = deque()
        self._parts = 0
        self.recordings: list[ScoredRecording] = []
        """The recordings whose windows and ends are in whole parts."""
        self.windows = 0
        """The number of windows in whole parts."""
        if not self._holds(job):
            self.remove()
            with output_file(self._path(_JOB)) as file:
                file.write_text(job)
        while tf.io.gfile.exists(self._part(self._parts)):
            part = read_arrays(self._part(self._parts))
            self._parts += 1
            self.windows += len(part["scores"])
            self.recordings += _recordings(part)

    @property
    def begun(self) -> int:
        """The number of windows of the first recording that is not whole yet."""
        return self.windows - sum(recording.windows for recording in self.recordings)

    def add(self, scores: np.ndarray) -> None:
        """Adds the scores of the next windows, float32 [w, classes]."""
        self._scores.append(scores)
        self._waiting += len(scores)
        while self._waiting >= self._part_windows:
            self._write(self._part_windows)

    def end_recording(self, recording: ScoredRecording) -> None:
        """Ends a recording, all of whose windows were added or are still to come."""
        before = self._ends[-1][0] if self._ends else self.windows - self.begun
        self._ends.append((before + recording.windows, recording))

    def finish(self) -> None:
        """Writes what is left, as the last part."""
        if self._waiting or self._ends:
            self._write(self._waiting)

    def scores(self) -> Iterator[tuple[ScoredRecording, np.ndarray]]:
        """Yields every recording with the scores of its windows, float32 [n, classes]."""
        parts = (read_arrays(self._part(number)) for number in range(self._parts))
        held: list[np.ndarray] = []
        for part in parts:
            held.append(part["scores"])
            for recording in _recordings(part):
                joined = np.concatenate(held) if len(held) > 1 else held[0]
                yield recording, joined[: recording.windows]
                held = [joined[recording.windows :]]

    def remove(self) -> None:
        """Removes the folder."""
        if tf.io.gfile.isdir(self._folder):
            tf.io.gfile.rmtree(self._folder)

    def _holds(self, job: str) -> bool:
        try:
            with tf.io.gfile.GFile(self._path(_JOB)) as file:
                return bool(file.read() == job)
        except tf.errors.NotFoundError:
            return False

    def _path(self, name: str) -> str:
        return posixpath.join(self._folder, name)

    def _part(self, number: int) -> str:
        return self._path(f"part-{number:06d}.npz")

    def _write(self, windows: int) -> None:
        joined = np.concatenate([self._none, *self._scores])
        self._scores = [joined[windows:]]
        self._waiting -= windows
        self.windows += windows
        ended = []
        while self._ends and self._ends[0][0] <= self.windows:
            ended.append(self._ends.popleft()[1])
        text = json.dumps([asdict(recording) for recording in ended])
        arrays = {"scores": joined[:windows], "recordings": np.array(text)}
        write_arrays(self._part(self._parts), arrays)
        self._parts += 1
        self.recordings += ended


def _recordings(part: dict[str, np.ndarray]) -> list[ScoredRecording]:
    return [ScoredRecording(**entry) for entry in json.loads(str(part["recordings"]))]
