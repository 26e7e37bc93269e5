"""The cost of serving: a served model on WAV files, compared with VGGish on log-mel.

Usage: python benchmarks/serving.py [--features NAME ...]

Exports a model with a linear head on seeded random VGGish weights, loads it, and prints one
Markdown row per layer tap and kind of file: the latency of `serving_default` for one clip of one
second and of the bare network for one window; the clips per second in batches of 64 and the windows
per second of the bare network. Both are measured in turns, so that other load on the machine
affects them alike; the values are medians.
"""

import argparse
import io
import tempfile
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import keras
import numpy as np
import soundfile
import tensorflow as tf

from trainer.heads.pooling import PooledHead
from trainer.serving.served_classifier import ServedClassifier
from vggish.networks.layer_taps import build_features
from vggish.networks.network import FrontEnd
from vggish.params import NUM_BANDS, NUM_FRAMES
from vggish.weights.weight_arrays import random_weights

NUM_CLASSES = 10
BATCH_SIZE = 64
WAV_KINDS = {
    "16 kHz, 16 bits": (16_000, 1, "PCM_16"),
    "44.1 kHz, 24 bits, stereo": (44_100, 2, "PCM_24"),
}
TURNS = {1: 60, BATCH_SIZE: 8}


def noise_wav(rate: int, channels: int, subtype: str) -> bytes:
    """One second of noise."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (rate, channels))
    file = io.BytesIO()
    soundfile.write(file, noise, rate, subtype, format="WAV")
    return file.getvalue()


def export_and_load(
    network: keras.Model, folder: str
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Exports a model on top of the network; returns its `serving_default`."""
    layer = keras.layers.Dense(NUM_CLASSES, activation="softmax")
    head = keras.Sequential([keras.Input(network.output_shape[1:]), layer])
    classes = [str(i) for i in range(NUM_CLASSES)]
    ServedClassifier(network, PooledHead(head), classes, FrontEnd(), thresholds=None).save(folder)
    # Kept with its signature, which holds its variables by weak references.
    model = tf.saved_model.load(folder)
    return lambda files: model.signatures["serving_default"](audio_bytes=files)


def seconds_in_turns(calls: list[Callable[[], object]], turns: int) -> list[float]:
    """The median duration of each call; the first two turns warm up."""
    durations: list[list[float]] = [[] for _ in calls]
    for _ in range(turns + 2):
        for call, taken in zip(calls, durations, strict=True):
            start = time.perf_counter()
            call()
            taken.append(time.perf_counter() - start)
    return [median(taken[2:]) for taken in durations]


def print_latencies(features: str) -> None:
    """Prints the rows of a layer tap."""
    network = build_features(features, random_weights(0))
    bare = tf.function(
        lambda log_mel: network(log_mel, training=False),
        input_signature=[tf.TensorSpec([None, NUM_FRAMES, NUM_BANDS], tf.float32)],
    )
    with tempfile.TemporaryDirectory() as folder:
        served = export_and_load(network, folder)
    log_mel = tf.random.stateless_normal([BATCH_SIZE, NUM_FRAMES, NUM_BANDS], [0, 0])
    for kind, form in WAV_KINDS.items():
        files = tf.constant([noise_wav(*form)] * BATCH_SIZE)
        network_one, served_one = seconds_in_turns(
            [partial(bare, log_mel[:1]), partial(served, files[:1])], TURNS[1]
        )
        network_all, served_all = seconds_in_turns(
            [partial(bare, log_mel), partial(served, files)], TURNS[BATCH_SIZE]
        )
        print(
            f"| `{features}` | {kind} | {1_000 * network_one:.1f} | {1_000 * served_one:.1f} "
            f"| {served_one / network_one:.2f} | {BATCH_SIZE / network_all:.0f} "
            f"| {BATCH_SIZE / served_all:.0f} | {network_all / served_all:.2f} |",
            flush=True,
        )


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--features", nargs="+", default=["embedding", "fusion"])
    arguments = parser.parse_args()
    columns = (
        "features", "files", "network, ms", "served, ms", "latency", "network, windows/s",
        "served, clips/s", "throughput",
    )  # fmt: skip
    print(f"| {' | '.join(columns)} |\n|---|---|{'---:|' * (len(columns) - 2)}")
    for features in arguments.features:
        print_latencies(features)


if __name__ == "__main__":
    main()
