"""Every node of a run beside its bare work, on the same clips, in one process.

Usage: python benchmarks/node_costs.py [--clips N] [--compute PRECISION] [--cache DIR] [FOLDER]

FOLDER holds one folder of WAV files a class, such as Speech Commands. N of them are taken; if there
are fewer, variants of them make up the rest: shifted by up to 0.1 s, scaled by up to 6 dB and mixed
with noise 20 to 50 dB below full scale. The default is N synthesized clips of one second at 16 kHz.

Prints one Markdown row per node: CPU seconds of the node and of the processes that it starts, how
many cores that kept busy, its peak of memory, CPU seconds and peak of the bare work, and the ratio
of CPU seconds. CPU seconds are those of user and system, since other programs on the machine
lengthen the wall time more. Bare work is what a script of a few lines would do with all data in
memory: read every file, parse every example, compute log-mel in batches, run the network in
batches, fit the head in Keras, score the test clips.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import soundfile
import tensorflow as tf
from run_cost import SOUND_LABELS, write_wav_clips

from pipeline.cli.console import quiet
from pipeline.config_checks import check_config
from pipeline.jobs import open_job
from pipeline.runners.local_run import run_locally
from pipeline.runners.local_runner import NodeObserver, NodeRun
from pipeline.runners.run_folder import open_run_folder
from schema import clip_examples
from schema.config.config import Config
from vggish.networks.layer_taps import build_features
from vggish.networks.log_mel import log_mel, windows_from_pcm16
from vggish.weights.weight_arrays import random_weights

_BATCH = 64
_UNITS = (200, 100)
_RUSAGE = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def cpu_seconds() -> float:
    """CPU seconds of this process and of its children that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in _RUSAGE)


def peak_megabytes() -> int:
    """The peak of this process's memory since `forget_peak`."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) >> 10


def forget_peak() -> None:
    """Begins a new peak (Linux: proc_pid_clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


@dataclass
class Cost:
    """What a piece of work took: CPU seconds, seconds by the clock, and MB at its peak."""

    seconds: float
    elapsed: float
    megabytes: int


class Stopwatch:
    """Measures costs since it was made."""

    def __init__(self) -> None:
        forget_peak()
        self._begin = cpu_seconds(), time.monotonic()

    def read(self) -> Cost:
        """Returns the costs so far."""
        cpu, clock = self._begin
        return Cost(cpu_seconds() - cpu, time.monotonic() - clock, peak_megabytes())


def measure(work: Callable[[], Any]) -> tuple[Cost, Any]:
    """Does a piece of work; returns its cost and its result."""
    watch = Stopwatch()
    result = work()
    return watch.read(), result


class Meter:
    """What the observers of a benchmark's run have in common."""

    def show(self, line: str) -> None:
        """See `NodeObserver`."""

    def say(self, text: str) -> None:
        """See `NodeObserver`."""
        print(text)


class CostMeter(Meter):
    """Measures the cost of the nodes of a run, as its observer."""

    def __init__(self) -> None:
        self.costs: dict[str, Cost] = {}

    def started(self, node: str, nodes: Sequence[str]) -> None:
        """See `NodeObserver`."""
        del node, nodes
        self._watch = Stopwatch()

    def ended(self, run: NodeRun) -> None:
        """See `NodeObserver`."""
        self.costs[run.node] = self._watch.read()


def run_observed(
    settings: dict[str, Any], output: Path, observer: NodeObserver
) -> tuple[Config, dict[str, Any]]:
    """Runs the demo's pipeline in this process; returns its configuration and its summary."""
    config = check_config(open_job("configs/demo.yaml", settings).config)
    folder = open_run_folder(output)
    with quiet(folder.log):
        return config, run_locally(config, folder, observer)


def make_sounds(root: Path, clips: int, source: Path | None) -> None:
    """Gives a folder clips: those of another folder and variants of them, or synthesized ones."""
    if source is None:
        write_wav_clips(root, clips // len(SOUND_LABELS))
        return
    files = sorted(source.glob("[!_]*/*.wav"))
    rng = np.random.default_rng(0)
    for label in {file.parent.name for file in files}:
        (root / label).mkdir(parents=True)
    for i in np.linspace(0, len(files) - 1, min(clips, len(files)), dtype=int):
        (root / files[i].parent.name / files[i].name).write_bytes(files[i].read_bytes())
    for i in range(len(files), clips):
        file = files[i % len(files)]
        samples, rate = soundfile.read(file, dtype="float32")
        variant = root / file.parent.name / f"{file.stem}_{i // len(files)}.wav"
        soundfile.write(variant, vary(samples, rate, rng), rate)


def vary(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Shifts, scales and adds noise to a clip, float32 [samples]."""
    samples = np.roll(samples, rng.integers(-rate // 10, rate // 10))
    gain, noise = 10 ** (rng.uniform([-6, -50], [6, -20]) / 20)
    return np.clip(samples * gain + noise * rng.standard_normal(len(samples)), -1, 1)


def read_records(run: Path) -> list[bytes]:
    """The records that AudioExampleGen wrote."""
    files = map(str, run.glob("pipeline/AudioExampleGen/examples/*/Split-*/*"))
    return list(tf.data.TFRecordDataset(list(files)).as_numpy_iterator())


def parse(records: list[bytes]) -> list[bytes]:
    """The samples of records, signed 16-bit."""
    spec = {clip_examples.PCM: tf.io.FixedLenFeature([], tf.string)}
    return tf.io.parse_example(records, spec)[clip_examples.PCM].numpy().tolist()


def compute_log_mel(config: Config, sounds: list[bytes]) -> np.ndarray:
    """Log-mel of the windows of all clips, float32 [w, 96, 64]."""
    front_end = config.features.front_end
    graph = tf.function(
        lambda pcm: log_mel(windows_from_pcm16(pcm, front_end), front_end).values,
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    return np.concatenate([graph(sounds[i : i + _BATCH]) for i in range(0, len(sounds), _BATCH)])


def run_network(config: Config, windows: np.ndarray) -> np.ndarray:
    """Features of windows, float32 [w, D]."""
    features = config.model[0].features
    model: Any = build_features(features, random_weights(0), config.features.compute)
    graph = tf.function(
        lambda batch: model(batch, training=False),
        input_signature=[tf.TensorSpec([None, *windows.shape[1:]], tf.float32)],
    )
    return np.concatenate([graph(windows[i : i + _BATCH]) for i in range(0, len(windows), _BATCH)])


def fit_head(config: Config, features: np.ndarray, classes: int) -> None:
    """Fits the default head to so many rows, with any labels."""
    features = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    layers = [keras.layers.Dense(units, "relu") for units in _UNITS]
    model = keras.Sequential([*layers, keras.layers.Dense(classes, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    labels = np.arange(len(features)) % classes
    train = config.train
    model.fit(features, labels, train.batch_size, train.epochs, verbose=0)


def bare_costs(config: Config, run: Path, summary: dict[str, Any]) -> dict[str, Cost]:
    """The bare work by node."""
    by_split = summary["clips"]["by_split"]
    files = sorted(Path(config.source.root).glob("*/*.wav"))
    reading, _ = measure(lambda: [soundfile.read(file, dtype="int16") for file in files])
    records = read_records(run)
    parsing, sounds = measure(lambda: parse(records))
    listening, windows = measure(lambda: compute_log_mel(config, sounds))
    embedding, features = measure(lambda: run_network(config, windows))
    classes = len(summary["clips"]["by_label"])
    fitting, _ = measure(lambda: fit_head(config, features[: by_split["train"]], classes))
    share = by_split["test"] / len(sounds)
    scoring = Cost(
        (listening.seconds + embedding.seconds) * share,
        (listening.elapsed + embedding.elapsed) * share,
        max(listening.megabytes, embedding.megabytes),
    )
    return {
        "AudioExampleGen": reading,
        "StatisticsGen": parsing,
        "Transform": listening,
        "EmbeddingExporter": embedding,
        "Trainer": fitting,
        "Evaluator": scoring,
        "BatchPredictor": scoring,
    }


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--clips", type=int, default=1_500)
    parser.add_argument("--compute", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--cache", help="features.cache; default: none")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sounds, output = (Path(scratch, name) for name in ("sounds", "run"))
        make_sounds(sounds, arguments.clips, arguments.folder)
        settings = {
            "source.root": str(sounds),
            "features.compute": arguments.compute,
            "features.cache": arguments.cache,
            "evaluate.min_score": 0,
        }
        meter = CostMeter()
        config, summary = run_observed(settings, output, meter)
        with quiet(open_run_folder(output).log):
            bare = bare_costs(config, output, summary)
    print_table(meter.costs, bare, summary)


def print_table(costs: dict[str, Cost], bare: dict[str, Cost], summary: dict[str, Any]) -> None:
    """Prints one row per node, and their sum."""
    found = summary["clips"]["accepted"]
    print(f"{found} clips, {summary['features']['reused']} embeddings reused.\n")
    print("| node | CPU, s | cores | MB | bare, s | MB | ratio | ms a clip |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for node, cost in costs.items():
        cores = f"{cost.seconds / cost.elapsed:.2f}"
        own = f"| {node} | {cost.seconds:.2f} | {cores} | {cost.megabytes:,} |"
        each = f"{1_000 * cost.seconds / found:.2f}"
        if (alone := bare.get(node)) is None:
            print(f"{own} | | | {each} |")
        else:
            ratio = f"{cost.seconds / alone.seconds:.2f}"
            print(f"{own} {alone.seconds:.2f} | {alone.megabytes:,} | {ratio} | {each} |")
    total, parts = (sum(cost.seconds for cost in some.values()) for some in (costs, bare))
    print(f"| all | {total:.1f} | | | {parts:.1f} | | {total / parts:.2f} | |")


if __name__ == "__main__":
    main()
