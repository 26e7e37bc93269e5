"""What the warm start costs beside bare Keras.

Usage: python benchmarks/warm_start.py [--clips N] [--rounds N] [--features TAP]

Trains VGGish with a linear head on one-second clips, in three ways: bare `keras.Model.fit` on
log-mel windows and targets that are in memory; the way of `trainer.warm_start` from 16-bit clips on
disk without augmentation; and with its default augmentation. Network, head, batch size and
optimizer are the same. An epoch's cost is what two epochs take more than one, so that building
graphs does not count, nor evaluation, which has two clips. The ways take turns, and the least of
several rounds counts, since whatever else runs on a machine only adds. Prints one Markdown row a
way: windows a second of the clock and of the processors, and both as shares of bare Keras's.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from trainer.fitting import fit
from trainer.heads import build_frozen_head
from trainer.objective import build_objective
from trainer.settings import ModelSettings, TrainSettings
from trainer.warm_start.settings import AugmentSettings, WarmStartSettings
from trainer.warm_start.sound_clips import (
    SoundClips,
    evaluation_batches,
    read_noise,
    training_batches,
)
from trainer.warm_start.whole_network import WholeNetwork
from vggish.audio import pcm16_from_samples
from vggish.features import build_features, feature_size
from vggish.params import WINDOW_HOP_SAMPLES
from vggish.weights import random_weights

CLASSES = ["even", "odd"]
NO_AUGMENTATION = AugmentSettings(shift_seconds=0, noise_share=0, mask_frames=0, mask_bands=0)


def write_clips(path: Path, clips: int, seed: int, seconds: int = 1) -> None:
    """Writes noisy clips of two classes as AudioExampleGen does."""
    rng = np.random.default_rng(seed)
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for i in range(clips):
            values = {
                "pcm": pcm16_from_samples(rng.normal(0, 0.1, seconds * 16_000)),
                "labels": CLASSES[i % 2].encode(),
            }
            features = {
                name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
                for name, value in values.items()
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


def build(arguments: argparse.Namespace) -> tuple[keras.Model, keras.Model]:
    """Builds the network and the head."""
    network = build_features(arguments.features, random_weights(0), arguments.compute)
    size = feature_size(arguments.features)
    features = np.random.default_rng(0).normal(size=(4, size)).astype(np.float32)
    return network, build_frozen_head(ModelSettings(), len(CLASSES), features)


def cost(train: Callable[[int], object]) -> tuple[float, float]:
    """Measures the seconds of an epoch: of the clock, and of the processors."""
    taken = []
    for epochs in (1, 2):
        begin = time.perf_counter(), time.process_time()
        train(epochs)
        taken.append((time.perf_counter() - begin[0], time.process_time() - begin[1]))
    return tuple(long - short for short, long in zip(*taken, strict=True))


def train_bare(arguments: argparse.Namespace, clips: SoundClips) -> Callable[[int], object]:
    """Trains on arrays."""
    network, head = build(arguments)
    model = keras.Model(network.input, head(network.output))
    # XLA, which Keras would choose, is slower with VGGish.
    model.compile(keras.optimizers.Adam(1e-5), loss="categorical_crossentropy", jit_compile=False)
    batches = list(evaluation_batches(clips, arguments.batch_size).as_numpy_iterator())
    windows = np.concatenate([log_mel[:, 0] for (log_mel, _), _ in batches])
    targets = np.concatenate([targets for _, targets in batches])

    def train(epochs: int) -> None:
        model.fit(windows, targets, arguments.batch_size, epochs, verbose=0)

    return train


def train_ours(
    arguments: argparse.Namespace, clips: SoundClips, folder: Path, augment: AugmentSettings
) -> Callable[[int], object]:
    """Trains on clips on disk."""
    model = WholeNetwork(*build(arguments), "mean")
    noise = read_noise([str(folder / "noise.gz")])
    settings = WarmStartSettings(augment=augment)
    evaluation = SoundClips(
        [str(folder / "eval.gz")], CLASSES, WINDOW_HOP_SAMPLES, multi_label=False
    )

    def train(epochs: int) -> None:
        how = TrainSettings(epochs=epochs, learning_rate=1e-5, schedule="constant")
        fit(
            model,
            training_batches(clips, settings, noise, arguments.batch_size, seed=0),
            evaluation_batches(evaluation, arguments.batch_size),
            how,
            build_objective(how, clips.targets, multi_label=False),
        )

    return train


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--features", default="fusion")
    parser.add_argument("--compute", default="float32")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_clips(folder / "train.gz", arguments.clips, seed=0)
        write_clips(folder / "eval.gz", 2, seed=1)
        write_clips(folder / "noise.gz", 1, seed=2, seconds=60)
        clips = SoundClips(
            [str(folder / "train.gz")], CLASSES, WINDOW_HOP_SAMPLES, multi_label=False
        )
        ways = {
            "bare Keras, in memory": train_bare(arguments, clips),
            "warm start, not augmented": train_ours(arguments, clips, folder, NO_AUGMENTATION),
            "warm start, augmented": train_ours(arguments, clips, folder, AugmentSettings()),
        }
        print("| | windows/s | of bare | windows/CPU s | of bare |\n|---|---:|---:|---:|---:|")
        rounds = [
            {name: cost(train) for name, train in ways.items()} for _ in range(arguments.rounds)
        ]
        bare = None
        for name in ways:
            costs = zip(*(taken[name] for taken in rounds), strict=True)
            speeds = [arguments.clips / min(seconds) for seconds in costs]
            bare = bare or speeds
            columns = [f"{s:.1f} | {s / b:.2f}" for s, b in zip(speeds, bare, strict=True)]
            print(f"| {name} | {' | '.join(columns)} |", flush=True)


if __name__ == "__main__":
    main()
