"""Events in soundscapes, found by models of clips and by a model of annotated soundscapes.

Usage: python benchmarks/soundscapes.py SPEECH_COMMANDS_FOLDER --checkpoint YAMNET [--work FOLDER]

Makes soundscapes of a minute with 15 words each, at known places, from 0 to 20 dB above a part of
one of the folder's background recordings. Every clip is used once. Speakers and the parts of the
background recordings are disjoint between train, eval and test. Trains dense heads on the same
words: as clips, as clips with the background as a class, and in their soundscapes. Prints, for the
test soundscapes, one Markdown row per model and way to choose the score that begins an event: the
model's own, or the one with the best event F1 on the eval soundscapes. The last row is that of a
model that knows the labels of all windows.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import yaml

from components.audio_example_gen.splits.hashed_splits import split_of
from components.window_model import WindowModel
from pipeline.detect.named_models import open_pushed_model
from schema.config.split_settings import SPLITS, SplitSettings
from vggish.audio.decoding import decode
from vggish.audio.recording_windows import RecordingEnd, WindowGrid, read_windows
from vggish.events.detection import Event, EventRules, find_events
from vggish.events.event_files import open_event_file
from vggish.events.event_scores import EventScores
from vggish.events.window_labels import label_windows
from vggish.params import SAMPLE_RATE

SHARES = {"train": 0.6, "eval": 0.15, "test": 0.25}
SECONDS, SLOT_SECONDS, LONGEST_EVENT = 60, 4, 1.05
LOUDEST_DB = 20.0
BACKGROUND_RMS = 0.01
HOP_SECONDS = 0.48
QUIET_DB = 25.0  # Frames of a word that are so much below its loudest one are no part of the event.
FRAME = 320  # Samples, 20 ms.


@dataclass(frozen=True)
class Soundscape:
    """A recording with its true events."""

    path: Path
    events: list[Event]


def group_words(folder: Path) -> dict[str, list[Path]]:
    """Returns the clips of words by the split of their speakers, in a random order."""
    settings = SplitSettings.model_validate(SHARES)
    by_split: dict[str, list[Path]] = {split: [] for split in SPLITS}
    for path in sorted(folder.glob("[a-z]*/*_nohash_*.wav")):
        by_split[split_of(path.name.partition("_nohash_")[0], settings)].append(path)
    rng = np.random.default_rng(0)
    return {
        split: [paths[i] for i in rng.permutation(len(paths))] for split, paths in by_split.items()
    }


def background_parts(folder: Path) -> dict[str, list[np.ndarray]]:
    """Returns each background recording's part of every split, at a common loudness."""
    parts: dict[str, list[np.ndarray]] = {split: [] for split in SPLITS}
    for path in sorted(folder.glob("_background_noise_/*.wav")):
        samples = decode(path).samples
        samples = BACKGROUND_RMS * samples / np.sqrt(np.mean(samples**2))
        start = 0
        for split, share in SHARES.items():
            size = int(share * samples.size)
            parts[split].append(samples[start : start + size])
            start += size
    return parts


def trim(samples: np.ndarray) -> np.ndarray:
    """Returns a word without the quiet before and after it."""
    frames = samples[: samples.size // FRAME * FRAME].reshape(-1, FRAME)
    power = np.mean(frames**2, axis=1)
    loud = np.flatnonzero(power >= power.max() * 10 ** (-QUIET_DB / 10))
    return samples[loud[0] * FRAME : (loud[-1] + 1) * FRAME]


def make_soundscapes(
    folder: Path, words: Sequence[Path], backgrounds: Sequence[np.ndarray]
) -> list[Soundscape]:
    """Writes the soundscapes of a split, and a table of their events."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    slots = SECONDS // SLOT_SECONDS
    made = []
    with open_event_file(folder / "events.csv") as write:
        for number in range(len(words) // slots):
            path = folder / f"{number:02}.wav"
            background = backgrounds[number % len(backgrounds)]
            rolled = np.roll(background, int(rng.integers(background.size)))
            scene = np.resize(rolled, SECONDS * SAMPLE_RATE)
            events = []
            for slot in range(slots):
                word = words[number * slots + slot]
                sound = trim(decode(word).samples)
                level = BACKGROUND_RMS * 10 ** (rng.uniform(0, LOUDEST_DB) / 20)
                start = slot * SLOT_SECONDS + rng.uniform(0, SLOT_SECONDS - LONGEST_EVENT)
                first = round(start * SAMPLE_RATE)
                last = first + sound.size
                scene[first:last] += level * sound / np.sqrt(np.mean(sound**2))
                events.append(Event(first / SAMPLE_RATE, last / SAMPLE_RATE, word.parent.name))
            soundfile.write(path, scene.clip(-1, 1), SAMPLE_RATE, subtype="PCM_16")
            write(path.name, SECONDS, events)
            made.append(Soundscape(path, events))
    return made


def copy_clips(folder: Path, words: Mapping[str, Sequence[Path]]) -> None:
    """Copies the clips into a folder for each split, and in it for each word."""
    for split, paths in words.items():
        for path in paths:
            place = folder / split / path.parent.name / path.name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)


def write_background_clips(folder: Path, parts: Mapping[str, Sequence[np.ndarray]]) -> None:
    """Writes every second of the background recordings as a clip of the class `background`."""
    for split, backgrounds in parts.items():
        place = folder / split / "background"
        place.mkdir()
        for number, samples in enumerate(backgrounds):
            for second in range(samples.size // SAMPLE_RATE):
                clip = samples[second * SAMPLE_RATE : (second + 1) * SAMPLE_RATE]
                soundfile.write(place / f"{number}-{second}.wav", clip, SAMPLE_RATE)


def train(source: Mapping[str, Any], folder: Path, arguments: argparse.Namespace) -> WindowModel:
    """Runs the pipeline, and loads the model that it pushes."""
    config = {
        "source": dict(source),
        "split": {"kind": "folders"} | {f"{split}_folder": split for split in SPLITS},
        "features": {"network": "yamnet", "checkpoint": str(arguments.checkpoint)},
        "model": {"features": arguments.features, "head": "dense"},
        "evaluate": {"min_score": 0},
    }
    job = folder.with_suffix(".yaml")
    job.write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("vggish-tfx")), "run", str(job)]
    subprocess.run([*command, f"--output={folder}"], check=True, stdout=sys.stderr)
    return open_pushed_model(str(folder))


def score(model: WindowModel, soundscapes: Sequence[Soundscape]) -> list[np.ndarray]:
    """Returns the scores of the windows of each soundscape."""

    def windows(path: Path) -> Iterator[np.ndarray]:
        for item in read_windows(path, WindowGrid(round(HOP_SECONDS * SAMPLE_RATE))):
            if not isinstance(item, RecordingEnd):
                yield from np.split(item, range(64, len(item), 64))

    return [
        np.concatenate([model.score(some) for some in windows(soundscape.path) if len(some)])
        for soundscape in soundscapes
    ]


def compare(
    soundscapes: Sequence[Soundscape], scores: Sequence[np.ndarray], begin: Mapping[str, float]
) -> EventScores:
    """Compares the events that scores give with the true ones."""
    agreement = EventScores()
    for soundscape, of_windows in zip(soundscapes, scores, strict=True):
        found = find_events(
            of_windows, begin, EventRules(), hop_seconds=HOP_SECONDS, duration=SECONDS
        )
        agreement.add(soundscape.events, found, SECONDS)
    return agreement


def true_scores(soundscape: Soundscape, classes: Sequence[str], windows: int) -> np.ndarray:
    """Returns the scores of a model that knows the labels of all windows."""
    labels = label_windows(soundscape.events, hop_seconds=HOP_SECONDS, min_overlap=0.5)
    return np.array(
        [[label in labels.get(i, {}) for label in classes] for i in range(windows)], np.float32
    )


def print_row(name: str, begin: str, agreement: EventScores) -> None:
    """Prints a row of the table."""
    print(
        f"| {name} | {begin} | {agreement.all_events.f1:.3f} | {agreement.all_segments.f1:.3f} "
        f"| {agreement.false_alarms_an_hour():,.0f} |",
        flush=True,
    )


def measure(
    name: str,
    model: WindowModel,
    tuning: Sequence[Soundscape],
    test: Sequence[Soundscape],
) -> None:
    """Prints the rows of a model."""
    tuning_scores, test_scores = score(model, tuning), score(model, test)
    print_row(name, "its own", compare(test, test_scores, model.min_scores(None)))
    candidates = 1 / (1 + np.exp(-np.linspace(-5, 12, 52)))
    best = max(
        candidates,
        key=lambda begin: (
            compare(tuning, tuning_scores, model.min_scores(float(begin))).all_events.f1
        ),
    )
    agreement = compare(test, test_scores, model.min_scores(float(best)))
    print_row(name, f"{best:.4g}, chosen", agreement)


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--features", default="fusion")
    parser.add_argument("--work", type=Path, help="keep everything in this new folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = arguments.work or Path(scratch)
        words, parts = group_words(arguments.folder), background_parts(arguments.folder)
        soundscapes = {
            split: make_soundscapes(work / "soundscapes" / split, words[split], parts[split])
            for split in SPLITS
        }
        for split in SPLITS:
            speakers = {re.sub("_nohash_.*", "", path.name) for path in words[split]}
            print(
                f"{split}: {len(words[split])} clips of {len(speakers)} speakers, "
                f"{len(soundscapes[split])} soundscapes",
                file=sys.stderr,
            )
        copy_clips(work / "clips", words)
        copy_clips(work / "with_background", words)
        write_background_clips(work / "with_background", parts)
        of_folders = {"kind": "folders", "label_pattern": "^[^/]+/([^/]+)/"}
        sources: dict[str, dict[str, Any]] = {
            "clips": of_folders | {"root": str(work / "clips")},
            "clips, and background": of_folders | {"root": str(work / "with_background")},
            "soundscapes": {
                "kind": "annotations",
                "root": str(work / "soundscapes"),
                "annotations": {"tables": ["*/events.csv"], "hop_seconds": HOP_SECONDS},
            },
        }
        print("| learned from | event begins at | event F1 | segment F1 | false alarms an hour |")
        print("|---|---|---:|---:|---:|")
        for place, (name, source) in enumerate(sources.items()):
            model = train(source, work / f"run{place}", arguments)
            measure(name, model, soundscapes["eval"], soundscapes["test"])
        test = soundscapes["test"]
        begin = dict.fromkeys(sorted({event.label for one in test for event in one.events}), 0.5)
        windows = len(score(model, test[:1])[0])
        perfect = [true_scores(one, list(begin), windows) for one in test]
        print_row("the truth", "-", compare(test, perfect, begin))


if __name__ == "__main__":
    main()
