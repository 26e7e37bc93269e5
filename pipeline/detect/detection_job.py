"""A whole detection: from recordings to tables of events."""

import posixpath
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from components.window_model import WindowModel
from pipeline.detect.recording_scores import (
    Advance,
    open_store,
    score_recordings,
)
from pipeline.detect.score_store import ScoreStore
from pipeline.detect.score_table import check_score_path, open_score_table
from vggish.audio.recording_windows import WindowGrid
from vggish.audio.sound_files import printable_name
from vggish.errors import ConfigError
from vggish.events.detection import EventRules, find_events
from vggish.events.event_files import check_event_path, open_event_file
from vggish.events.event_scores import EventScores
from vggish.events.window_labels import Stretch
from vggish.output_files import check_output


@dataclass(frozen=True)
class DetectionTables:
    """What a detection writes.

    Attributes:
        events: Paths or addresses of tables of events, at least one.
        scores: Path or address of the table of all scores, or None.
    """

    events: Sequence[str]
    scores: str | None = None

    def check(self, recordings: int) -> None:
        """Checks that the tables can be written.

        Args:
            recordings: Number of recordings.

        Raises:
            ConfigError: A path has no form of tables, is there twice, or cannot be written.
        """
        for path in self.events:
            check_event_path(path, recordings)
        if self.scores is not None:
            check_score_path(self.scores)
        everything = [*self.events, self.scores]
        if len(set(everything)) < len(everything):
            raise ConfigError(f"{', '.join(self.events)} are not different files; name each once.")
        for path in filter(None, everything):
            check_output(path)

    @property
    def store(self) -> str:
        """Folder of the scores while the detection is not finished: beside the first table."""
        folder, name = posixpath.split(self.events[0])
        return posixpath.join(folder, f".{name}.unfinished")


@dataclass
class DetectionOutcome:
    """What was found.

    Attributes:
        recordings: Number of recordings.
        events: Number of events.
        seconds: Length of all that was heard.
        failures: A sentence for each recording that could not be heard to its end.
        agreement: The agreement with the true events; None if they are not known.
    """

    recordings: int = 0
    events: int = 0
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)
    agreement: EventScores | None = None


@dataclass(frozen=True)
class Detection:
    """A detection.

    Attributes:
        files: The recordings.
        model: The model.
        min_scores: Score that begins an event of a class, by class name.
        grid: How recordings are cut into windows.
        rules: What counts as an event.
        tables: What is written.
        truth: The true events of each recording, or None.
    """

    files: Sequence[Path]
    model: WindowModel
    min_scores: Mapping[str, float]
    grid: WindowGrid
    rules: EventRules
    tables: DetectionTables
    truth: Sequence[Sequence[Stretch]] | None = None

    def run(self, advance: Advance) -> DetectionOutcome:
        """Scores all recordings, from where an earlier attempt was stopped, and writes the tables.

        Args:
            advance: Function that is told the progress.

        Returns:
            What was found.
        """
        store = open_store(self.tables.store, self.files, self.model, self.grid)
        score_recordings(self.files, self.model, self.grid, store, advance)
        outcome = self._write(store)
        store.remove()
        return outcome

    def _write(self, store: ScoreStore) -> DetectionOutcome:
        outcome = DetectionOutcome(agreement=None if self.truth is None else EventScores())
        truth = self.truth or [[]] * len(self.files)
        with ExitStack() as opened:
            tables = [opened.enter_context(open_event_file(path)) for path in self.tables.events]
            write_scores = self.tables.scores and opened.enter_context(
                open_score_table(self.tables.scores, self.model.classes, self.grid.hop_seconds)
            )
            for file, true, (recording, scores) in zip(
                self.files, truth, store.scores(), strict=True
            ):
                name = printable_name(file)
                events = find_events(
                    scores,
                    self.min_scores,
                    self.rules,
                    hop_seconds=self.grid.hop_seconds,
                    duration=recording.seconds,
                )
                for write in tables:
                    write(name, recording.seconds, events)
                if write_scores:
                    write_scores(name, scores)
                if outcome.agreement:
                    outcome.agreement.add(true, events, recording.seconds)
                outcome.recordings += 1
                outcome.events += len(events)
                outcome.seconds += recording.seconds
                if recording.error is not None:
                    outcome.failures.append(recording.error)
        return outcome
