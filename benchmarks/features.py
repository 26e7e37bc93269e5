"""The cost of each layer tap, and the accuracy of a linear classifier on it.

Usage: python benchmarks/features.py [FOLDER] [--network NAME] [--checkpoint CKPT] [--group PATTERN]
       python benchmarks/features.py --speed

The folder holds one folder of clips per class; the default is the demo's synthesized sounds. Only
the first window of a clip is used. Prints one Markdown row per tap: its size, windows per second in
float32 and bfloat16 (batches of 64 log-mel windows), and the accuracy of logistic regression on
standardised features, averaged over folds that share no group. The pattern's parenthesis
matches a clip's group, for example its speaker, in the file's name.

`--speed` only compares the networks: windows per second to `embedding`, from log-mel and from
sound, with batches of all networks in turn, so that they share whatever else the machine does.
"""

import argparse
import re
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipeline.demo.sound_synthesizer import write_sound_set
from vggish.audio.decoding import decode
from vggish.errors import AudioError
from vggish.networks.layer_taps import build_features
from vggish.networks.log_mel import log_mel_from_windows, windows_from_waveform
from vggish.networks.network import FrontEnd
from vggish.networks.network_table import NETWORKS, find_network
from vggish.params import WINDOW_SAMPLES
from vggish.weights.checkpoint import resolve
from vggish.weights.weight_arrays import random_weights

_BATCH = 64
_TIMED_BATCHES = 8


def is_decodable(path: Path) -> bool:
    """Tells whether a file can be decoded."""
    try:
        decode(path)
    except AudioError:
        return False
    return True


def first_windows(paths: list[Path], front_end: FrontEnd) -> np.ndarray:
    """Log-mel of the first window of each file, float32 [files, 96, 64]."""
    sounds = (decode(path).samples[np.newaxis] for path in paths)
    windows = [windows_from_waveform(s, front_end=front_end).values[:1] for s in sounds]
    return np.concatenate([log_mel_from_windows(window, front_end) for window in windows])


def compile_tap(
    name: str, weights: Mapping[str, np.ndarray], dtype: str, network: str
) -> tf.types.experimental.PolymorphicFunction:
    """A tap as a graph."""
    model = build_features(name, weights, dtype, network)
    return tf.function(lambda log_mel: model(log_mel, training=False), reduce_retracing=True)


def windows_a_second(graph: tf.types.experimental.PolymorphicFunction, batch: np.ndarray) -> float:
    """Runs full batches after one that warms up."""
    batch = tf.constant(batch)
    graph(batch)
    start = time.perf_counter()
    for _ in range(_TIMED_BATCHES):
        graph(batch)
    return _TIMED_BATCHES * _BATCH / (time.perf_counter() - start)


def print_speeds() -> None:
    """Prints one Markdown row per network."""
    rng = np.random.default_rng(0)
    sound = tf.constant(rng.normal(0, 0.1, (_BATCH, WINDOW_SAMPLES)).astype(np.float32))
    graphs = {}
    for network in NETWORKS.values():
        front_end = network.front_end
        model = build_features("embedding", random_weights(0, network.name), network=network.name)
        log_mel = tf.function(lambda windows, f=front_end: log_mel_from_windows(windows, f))
        whole = tf.function(
            lambda windows, m=model, f=front_end: m(log_mel_from_windows(windows, f))
        )
        graphs[network.title] = (
            (tf.function(lambda windows, m=model: m(windows)), log_mel(sound)),
            (whole, sound),
        )
    times = {title: np.full([2, _TIMED_BATCHES], np.inf) for title in graphs}
    for turn in range(-1, _TIMED_BATCHES):  # The first one warms up.
        for title, pairs in graphs.items():
            for row, (graph, batch) in enumerate(pairs):
                start = time.perf_counter()
                graph(batch)
                if turn >= 0:
                    times[title][row, turn] = time.perf_counter() - start
    print("| network | windows/s from log-mel | windows/s from sound |\n|---|---:|---:|")
    rates = {title: _BATCH / np.median(spent, axis=1) for title, spent in times.items()}
    for title, (network_only, all_of_it) in rates.items():
        print(f"| {title} | {network_only:,.0f} | {all_of_it:,.0f} |")
    first, *others = rates
    for other in others:
        ratio = rates[other] / rates[first]
        print(f"| {other} / {first} | {ratio[0]:.1f} | {ratio[1]:.1f} |")


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--network", default="vggish")
    parser.add_argument("--checkpoint", default="random")
    parser.add_argument("--speed", action="store_true", help="only compare the networks' speed")
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--group", default=r"^(.*?)_nohash_", help="default: Speech Commands'")
    arguments = parser.parse_args()
    if arguments.speed:
        print_speeds()
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch, "sounds")
        if arguments.folder is None:
            write_sound_set(folder)
        print_taps(folder, arguments)


def print_taps(folder: Path, arguments: argparse.Namespace) -> None:
    """Prints the table for a folder of clips."""
    paths = [path for path in sorted(folder.glob("[!_]*/*.*")) if is_decodable(path)]
    classes = np.array([path.parent.name for path in paths])
    groups = np.array(
        [(re.search(arguments.group, path.name) or [0, path.name])[1] for path in paths]
    )
    network = find_network(arguments.network)
    windows = first_windows(paths, network.front_end)
    weights, origin = resolve(arguments.checkpoint, network=network.name)
    print(
        f"{len(paths)} clips, {len(set(classes))} classes, {len(set(groups))} groups; {origin}.\n"
    )
    columns = ("features", "size", "windows/s", "bfloat16", "accuracy")
    print(f"| {' | '.join(columns)} |\n|---|{'---:|' * (len(columns) - 1)}")
    for name, feature in network.features.items():
        graphs = [
            compile_tap(name, weights, dtype, network.name) for dtype in ("float32", "bfloat16")
        ]
        speeds = [windows_a_second(graph, windows[:_BATCH]) for graph in graphs]
        starts = range(0, len(windows), _BATCH)
        vectors = np.concatenate([graphs[0](windows[i : i + _BATCH]) for i in starts])
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
        accuracy = cross_val_score(
            probe, vectors, classes, groups=groups, cv=GroupKFold(arguments.folds)
        ).mean()
        print(
            f"| `{name}` | {feature.size:,} | {speeds[0]:,.0f} | {speeds[1]:,.0f} "
            f"| {accuracy:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
