"""A day of sound in one file: memory, real-time factor, a kill in the middle, and the bare network.

Usage: python benchmarks/long_recording.py --checkpoint YAMNET [--hours H] [--hop S] [--work FOLDER]
       [--parts speed day]

Loops the demo's soundscape, each time at another loudness, in one FLAC file, and looks for events
in it with `vggish-tfx detect` and a dense head of random weights on YAMNet's `fusion`. The process
is killed by SIGKILL once half of the file is done, and the command is given again. Prints the
memory of the process tree at a tenth, at the kill, and at the end, and the real-time factor. Then
the same in one go: the tables must be equal to the byte. Before that, the CPU and wall time of a
window beside those of the bare network on ready log-mel windows, and of both on samples, in turns,
for each network; VGGish with random weights.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
import soundfile
import tensorflow as tf

from pipeline.demo.soundscape import write_soundscape
from pipeline.detect.detection_job import Detection, DetectionTables
from pipeline.detect.named_models import open_pushed_model
from schema.model_card import write_model_card
from trainer.heads.pooling import PooledHead
from trainer.serving.served_classifier import ServedClassifier
from vggish.audio.recording_windows import WindowGrid
from vggish.events.detection import EventRules
from vggish.networks.layer_taps import build_features
from vggish.networks.log_mel import log_mel_from_windows
from vggish.networks.network_table import find_network
from vggish.networks.window_batches import WINDOWS_A_BATCH
from vggish.params import SAMPLE_RATE, WINDOW_SAMPLES
from vggish.weights.checkpoint import resolve

CLASSES = [f"class{number}" for number in range(10)]
TIMED_WINDOWS = 2_048
ROUNDS = 3
PART_WINDOWS = 4_096  # Windows of a part of the scores that are kept while `detect` runs.
SECONDS_BETWEEN = 1.0
PARTS = ("speed", "day")
SPEED_HEADER = (
    "| | bare network, ms | with log-mel, ms | detect, ms | windows/s of bare | of both |\n"
    "|---|---:|---:|---:|---:|---:|"
)
MEMORY_HEADER = (
    "\n| sound | MiB at 10% | at the kill | at 90% to the end | peak | CPU s, before + after "
    "| times real time by CPU | by wall |\n|---|---:|---:|---:|---:|---:|---:|---:|"
)


@dataclass
class Watched:
    """What was seen of a command.

    Attributes:
        seconds: How long it took.
        cpu: CPU seconds of it and its children.
        memory: MiB of the process tree by the share of the recording that was done.
    """

    seconds: float = 0.0
    cpu: float = 0.0
    memory: list[tuple[float, float]] = field(default_factory=list)

    def peak(self, first: float, last: float) -> float:
        """The largest memory from one share of the recording to another."""
        return max((size for done, size in self.memory if first <= done <= last), default=np.nan)


def write_recording(path: Path, hours: float) -> None:
    """Writes the soundscape again and again, as loud as at random."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as scratch:
        write_soundscape(Path(scratch, "scene.wav"))
        scene, rate = soundfile.read(Path(scratch, "scene.wav"), dtype="float32")
    left = round(hours * 3600 * rate)
    with soundfile.SoundFile(path, "w", rate, 1, "PCM_16") as file:
        while left > 0:
            file.write((rng.uniform(0.1, 1.0) * scene)[:left])
            left -= scene.size


def write_model(folder: Path, network: str, checkpoint: str) -> keras.Model:
    """Saves a model as a run would; returns the network up to `fusion`."""
    keras.utils.set_random_seed(0)
    weights, _ = resolve(checkpoint, network=network)
    features = build_features("fusion", weights, network=network)
    head = keras.Sequential([
        keras.Input([features.output.shape[-1]]),
        keras.layers.Dense(len(CLASSES), activation="softmax"),
    ])  # fmt: skip
    front_end = find_network(network).front_end
    served = ServedClassifier(features, PooledHead(head), CLASSES, front_end, thresholds=None)
    served.save(str(folder))
    write_model_card(str(folder), {"classes": CLASSES, "thresholds": None})
    return features


def tree_megabytes(root: int) -> float:
    """MiB of resident memory of a process and all its descendants."""
    parents, sizes = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            lines = dict(
                line.split(":", 1) for line in (folder / "status").read_text().splitlines()
            )
        except OSError:
            continue
        pid = int(folder.name)
        parents[pid] = int(lines["PPid"])
        sizes[pid] = int(lines.get("VmRSS", "0 kB").split()[0]) / 1024

    def is_below(pid: int) -> bool:
        return pid == root or (pid in parents and is_below(parents[pid]))

    return sum(size for pid, size in sizes.items() if is_below(pid))


class Command:
    """`vggish-tfx detect` of one file.

    Args:
        model: The model's folder.
        recording: The file.
        folder: The folder of the tables.
        hop: Seconds between windows.
    """

    def __init__(self, model: Path, recording: Path, folder: Path, hop: float):
        self.tables = [folder / "events.csv", folder / "scores.parquet"]
        self.store = folder / ".events.csv.unfinished"
        program = str(Path(sys.executable).with_name("vggish-tfx"))
        events, scores = map(str, self.tables)
        self.words = [
            *(program, "detect", str(model), str(recording), "-o", events, "--scores", scores),
            *(f"--hop={hop}", "--min-score=0.2"),
        ]


def cpu_of_children() -> float:
    """CPU seconds of all children that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def watch(command: Command, windows: int, *, stop_at: float = np.inf) -> Watched:
    """Runs a command, and kills it once a share of the windows is done."""
    seen, begin, cpu = Watched(), time.monotonic(), cpu_of_children()
    process = subprocess.Popen(command.words, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        done = len(list(command.store.glob("part-*.npz"))) * PART_WINDOWS / windows
        seen.memory.append((done, tree_megabytes(process.pid)))
        if done >= stop_at:
            process.kill()
            process.wait()
        time.sleep(SECONDS_BETWEEN)
    if process.returncode not in (0, -signal.SIGKILL):
        raise subprocess.CalledProcessError(process.returncode, command.words)
    seen.seconds, seen.cpu = time.monotonic() - begin, cpu_of_children() - cpu
    return seen


def stop_and_go_on(command: Command, hours: float, windows: int) -> None:
    """Kills a detection in the middle, gives the command again, and prints what was seen."""
    first = watch(command, windows, stop_at=0.5)
    second = watch(command, windows)
    seconds, cpu = first.seconds + second.seconds, first.cpu + second.cpu
    print(
        f"| {hours:g} h | {first.peak(0.05, 0.15):.0f} | {first.peak(0.45, 1):.0f} | "
        f"{second.peak(0.9, 1):.0f} | {max(first.peak(0, 1), second.peak(0, 1)):.0f} | "
        f"{first.cpu:.0f} + {second.cpu:.0f} | {3600 * hours / cpu:.0f} | "
        f"{3600 * hours / seconds:.0f} |",
        flush=True,
    )


def hear_a_day(model: Path, work: Path, hours: float, hop: float) -> None:
    """Compares the bytes of a detection that was killed with those of one that was not."""
    recording = work / "day.flac"
    write_recording(recording, hours)
    windows = round(hours * 3600 / hop)
    stopped, whole = (Command(model, recording, work / name, hop) for name in ("stopped", "whole"))
    print(MEMORY_HEADER)
    stop_and_go_on(stopped, hours, windows)
    seen = watch(whole, windows)
    pairs = zip(stopped.tables, whole.tables, strict=True)
    equal = all(one.read_bytes() == other.read_bytes() for one, other in pairs)
    print(
        f"In one go: {seen.cpu:.0f} s of CPU, {3600 * hours / seen.seconds:.0f} times real time; "
        f"the tables are {'equal' if equal else 'NOT equal'}."
    )


def timed(work: Callable[[], object]) -> np.ndarray:
    """CPU and wall seconds of a function."""
    begin = time.process_time(), time.perf_counter()
    work()
    return np.array([time.process_time(), time.perf_counter()]) - begin


def measure_speed(network: str, checkpoint: str, work: Path, hop: float) -> None:
    """Prints milliseconds a window: the bare network, with log-mel before it, and `detect`."""
    recording = work / f"{network}.flac"
    write_recording(recording, TIMED_WINDOWS * hop / 3600)
    features = write_model(work / network, network, checkpoint)
    front_end = find_network(network).front_end
    loaded, grid = open_pushed_model(str(work / network)), WindowGrid(round(hop * SAMPLE_RATE))
    samples = tf.zeros([WINDOWS_A_BATCH, WINDOW_SAMPLES])
    batch = log_mel_from_windows(samples, front_end)
    bare = tf.function(features)
    with_log_mel = tf.function(lambda some: features(log_mel_from_windows(some, front_end)))

    def detect() -> None:
        tables = DetectionTables([str(work / f"{network}.csv")])
        scores = loaded.min_scores(0.2)
        Detection([recording], loaded, scores, grid, EventRules(), tables).run(
            lambda _recordings, _seconds: None
        )

    def repeat(compute: Callable[..., tf.Tensor], values: object) -> Callable[[], object]:
        return lambda: [compute(values).numpy() for _ in range(TIMED_WINDOWS // WINDOWS_A_BATCH)]

    works = (repeat(bare, batch), repeat(with_log_mel, samples), detect)
    for one in works:
        one()
    rounds = np.array([[timed(one) for one in works] for _ in range(ROUNDS)]) / TIMED_WINDOWS
    for place, name in enumerate(("CPU", "wall")):
        milliseconds = 1_000 * np.median(rounds[:, :, place], axis=0)
        ratios = np.median(rounds[:, :2, place] / rounds[:, 2:, place], axis=0)
        cells = (f"{value:.2f}" for value in (*milliseconds, *ratios))
        print(f"| {network}, {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--hop", type=float, default=0.48)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.work) as scratch:
        work = Path(scratch)
        if "speed" in arguments.parts:
            print(SPEED_HEADER)
            measure_speed("vggish", "random", work, arguments.hop)
            measure_speed("yamnet", arguments.checkpoint, work, arguments.hop)
        if "day" in arguments.parts:
            write_model(work / "model", "yamnet", arguments.checkpoint)
            hear_a_day(work / "model", work, arguments.hours, arguments.hop)


if __name__ == "__main__":
    main()
