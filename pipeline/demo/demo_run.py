"""The steps of the demo around the run: its sounds, a prediction, and the events of a recording."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from pipeline.demo.sound_synthesizer import synthesize, write_sound_set
from pipeline.demo.soundscape import write_soundscape
from pipeline.runners.run_folder import RunFolder
from vggish.events.annotation_tables import Annotation
from vggish.events.detection import Event

_HELD_BACK_LABEL = "siren"
_HELD_BACK_SEED = 20_000
# Sure, and longer than one window: the model has no class for silence, and must call it something.
_MIN_SCORE, _MIN_SECONDS = 0.9999, 0.6


def make_sounds(folder: RunFolder) -> Path:
    """Writes the demo's sound set into a run's folder, once, and returns its path."""
    sounds = folder.root / "sounds"
    write_sound_set(sounds)
    return sounds


def predict_held_back(model: str) -> str:
    """Asks a pushed model about a sound that is in no split.

    Args:
        model: The model's version folder.

    Returns:
        A sentence with the true class and the predicted one.
    """
    from pipeline.predict.clip_prediction import load_pushed_model, predict_files

    samples, rate = synthesize(_HELD_BACK_LABEL, np.random.default_rng(_HELD_BACK_SEED))
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, f"{_HELD_BACK_LABEL}.wav")
        soundfile.write(path, samples, rate)
        (prediction,) = predict_files([path], load_pushed_model(model))
    label, score = next(iter(prediction.scores.items()))
    return f"a {_HELD_BACK_LABEL} is heard as {label} (score {score:.3f})"


def detect_soundscape(folder: RunFolder, model: str) -> str:
    """Finds the events of a synthesized recording with a pushed model.

    Args:
        folder: The run's folder; the recording and its events go below it.
        model: The model's version folder.

    Returns:
        A table: each event that is there, beside what was found at its place.
    """
    from pipeline.detect.detection_job import Detection, DetectionTables
    from pipeline.detect.event_tables import events_of, read_events
    from pipeline.detect.named_models import open_pushed_model
    from vggish.audio.recording_windows import WindowGrid
    from vggish.events.detection import EventRules
    from vggish.events.event_files import open_event_file

    place = folder.root / "soundscape"
    place.mkdir(exist_ok=True)
    recording = place / "recording.wav"
    truth = write_soundscape(recording)
    with open_event_file(place / "truth.csv") as write:
        write(str(recording), 0.0, truth)
    loaded = open_pushed_model(model)
    Detection(
        files=[recording],
        model=loaded,
        min_scores=loaded.min_scores(_MIN_SCORE),
        grid=WindowGrid(hop=7_680),
        rules=EventRules(min_duration=_MIN_SECONDS),
        tables=DetectionTables([str(place / "events.csv")]),
    ).run(lambda _recordings, _seconds: None)
    return compare_events(truth, events_of(recording, read_events(place / "events.csv")))


def compare_events(truth: Sequence[Event], found: Sequence[Annotation]) -> str:
    """Writes a table of true events, each beside the found one that overlaps it the longest."""
    lines = [f"{'there':32}found"]
    others = list(found)
    for event in truth:
        near = [other for other in found if _overlap(event, other) > 0]
        heard = "-"
        if near:
            best = max(near, key=lambda other: (other.label == event.label, _overlap(event, other)))
            heard = f"{_place(best)}  {best.label}"
            others = [other for other in others if other not in near]
        lines.append(f"{_place(event)}  {event.label:16}{heard}")
    return "\n".join([*lines, f"and {len(others)} where nothing is"])


def _overlap(one: Event, other: Annotation) -> float:
    return min(one.end, other.end) - max(one.start, other.start)


def _place(event: Event | Annotation) -> str:
    return f"{event.start:6.2f} {event.end:6.2f}"
