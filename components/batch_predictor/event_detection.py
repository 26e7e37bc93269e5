"""Events in recordings of any length, as steps of a Beam pipeline."""

import json
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import apache_beam as beam

from components.batch_predictor.recording_shards import CutRecordings
from components.batch_predictor.recordings import recording_name
from components.batch_predictor.shard_scores import ScoreShards, ShardScores, join_shards
from components.file_trees.file_tree import Entry
from vggish.audio.recording_windows import WindowGrid
from vggish.events.detection import Event, EventRules, find_events
from vggish.events.event_files import open_event_file
from vggish.output_files import output_file

EVENTS_FILE = "events.csv"
"""The table of events, in the form that `detect` writes."""

RECORDINGS_FILE = "recordings.jsonl"
"""The account: a `HeardRecording` a line."""

_SHARD_SECONDS = 600.0


@dataclass(frozen=True)
class Detector:
    """How events are found.

    Attributes:
        model: The SavedModel.
        grid: How recordings are cut into windows.
        min_scores: Score that begins an event, by class name, in the order of the model's classes.
        rules: What counts as an event.
    """

    model: str
    grid: WindowGrid
    min_scores: Mapping[str, float]
    rules: EventRules


@dataclass(frozen=True)
class HeardRecording:
    """What was heard of a recording.

    Attributes:
        file: Its name in tables.
        seconds: Length, or length of what can be heard of it.
        windows: Number of its windows.
        events: Number of events.
        error: The reason why there is no more, or None.
    """

    file: str
    seconds: float
    windows: int
    events: int
    error: str | None


class DetectEvents(beam.PTransform):
    """Finds the events of recordings and writes `EVENTS_FILE` and `RECORDINGS_FILE`.

    Workers score shards of recordings. What looks at neighbouring windows is done with all scores
    of a recording, so that shards have no seams.

    Args:
        folder: The folder of the recordings.
        entries: The recordings.
        detector: How events are found.
        output: The folder of the files.
        shard_seconds: Seconds of sound that a worker scores in one go.
    """

    def __init__(
        self,
        folder: str,
        entries: Sequence[Entry],
        detector: Detector,
        output: str,
        *,
        shard_seconds: float = _SHARD_SECONDS,
    ):
        super().__init__()
        self._cut = CutRecordings(folder, entries, detector.grid, shard_seconds)
        self._folder = folder
        self._detector = detector
        self._output = output

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        """Adds the steps to the pipeline."""
        score = ScoreShards(self._folder, self._detector.model, self._detector.grid)
        return (
            pipeline
            | "Shards" >> self._cut
            | "Score" >> beam.ParDo(score)
            | "Join" >> beam.GroupByKey()
            | "Find" >> beam.Map(_find, self._folder, self._detector)
            # One table, in the order of the recordings, has one writer.
            | "Together" >> beam.GroupBy(lambda _: None)
            | "Write" >> beam.Map(_write, self._output)
        )


def _find(
    scored: tuple[str, Iterable[ShardScores]], folder: str, detector: Detector
) -> tuple[HeardRecording, list[Event]]:
    path, shards = scored
    scores, end = join_shards(shards)
    events = find_events(
        scores,
        detector.min_scores,
        detector.rules,
        hop_seconds=detector.grid.hop_seconds,
        duration=end.seconds,
    )
    name = recording_name(folder, path)
    return HeardRecording(name, end.seconds, len(scores), len(events), end.error), events


def _write(
    together: tuple[None, Iterable[tuple[HeardRecording, list[Event]]]], folder: str
) -> None:
    _, found = together
    events, recordings = (posixpath.join(folder, name) for name in (EVENTS_FILE, RECORDINGS_FILE))
    with (
        open_event_file(events) as write,
        output_file(recordings) as account,
        account.open("w", encoding="utf-8") as lines,
    ):
        for heard, of_recording in sorted(found, key=lambda pair: pair[0].file):
            write(heard.file, heard.seconds, of_recording)
            lines.write(json.dumps(asdict(heard), ensure_ascii=False) + "\n")
