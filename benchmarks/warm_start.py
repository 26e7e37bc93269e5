"""The cost of the warm start, compared with bare Keras.

Usage: python benchmarks/warm_start.py [--clips N] [--rounds N] [--features TAP]

Trains VGGish with a linear head on one-second clips, in three ways: bare `keras.Model.fit` on
log-mel windows and targets that are in memory; `trainer.warm_start` from 16-bit clips on
disk without augmentation; and the same with its default augmentation. Network, head, batch size and
optimizer are equal. The ways take turns for several rounds of an epoch; the result is the median
time from the end of one step to the end of the next. Prints one Markdown row per way: windows per
second of wall time and of CPU time, and both as shares of bare Keras.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from schema.config.model_settings import ModelSettings, TrainSettings
from schema.config.warm_start_settings import AugmentSettings, WarmStartSettings
from trainer.fitting.keras_fitting import fit_model
from trainer.fitting.objective import build_objective
from trainer.fitting.training_steps import TrainingSteps
from trainer.heads.dense import build_frozen_head
from trainer.warm_start.sound_clips import (
    SoundClips,
    sound_eval_batches,
    sound_train_batches,
)
from trainer.warm_start.whole_network import WholeNetwork
from vggish.audio.decoding import pcm16_from_samples
from vggish.networks.layer_taps import build_features, feature_size
from vggish.networks.network import FrontEnd
from vggish.weights.weight_arrays import random_weights

PARITY_CLASSES = ["even", "odd"]
NO_AUGMENTATION = AugmentSettings(shift_seconds=0, noise_share=0, mask_frames=0, mask_bands=0)


def write_clip_examples(path: Path, clips: int) -> None:
    """Writes noisy clips of two classes as AudioExampleGen does."""
    rng = np.random.default_rng(0)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for i in range(clips):
            values = {
                "clip_id": str(i).encode(),
                "pcm": pcm16_from_samples(rng.normal(0, 0.1, 16_000)),
                "labels": PARITY_CLASSES[i % 2].encode(),
            }
            features = {
                name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
                for name, value in values.items()
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


def build_network_and_head(arguments: argparse.Namespace) -> tuple[keras.Model, keras.Model]:
    """Builds the network and the head."""
    network = build_features(arguments.features, random_weights(0), arguments.compute)
    size = feature_size(arguments.features)
    features = np.random.default_rng(0).normal(size=(4, size)).astype(np.float32)
    return network, build_frozen_head(ModelSettings(), len(PARITY_CLASSES), features)


class StepClock(keras.callbacks.Callback):
    """Collects the wall time and the CPU time of steps, in seconds."""

    def __init__(self):
        super().__init__()
        self.steps: list[tuple[float, float]] = []
        self._last: tuple[float, float] | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Called by Keras; an epoch's first step is not timed, because it builds the graph."""
        del epoch, logs
        self._last = None

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Called by Keras."""
        del batch, logs
        now = time.perf_counter(), time.process_time()
        if self._last is not None:
            self.steps.append((now[0] - self._last[0], now[1] - self._last[1]))
        self._last = now


def train_bare(
    arguments: argparse.Namespace, clips: SoundClips, clock: StepClock
) -> Callable[[], object]:
    """Trains on arrays for an epoch."""
    network, head = build_network_and_head(arguments)
    model = keras.Model(network.input, head(network.output))
    # XLA, which Keras would choose, is slower with VGGish.
    model.compile(keras.optimizers.Adam(1e-5), loss="categorical_crossentropy", jit_compile=False)
    batches = list(sound_eval_batches(clips, arguments.batch_size).as_numpy_iterator())
    windows = np.concatenate([log_mel[:, 0] for (log_mel, _), _ in batches])
    targets = np.concatenate([targets for _, targets in batches])
    return lambda: model.fit(windows, targets, arguments.batch_size, callbacks=[clock], verbose=0)


def train_ours(
    arguments: argparse.Namespace, clips: SoundClips, augment: AugmentSettings, clock: StepClock
) -> Callable[[], object]:
    """Trains on clips on disk for an epoch."""
    model = WholeNetwork(*build_network_and_head(arguments), "mean")
    noise = tf.cast(tf.random.stateless_normal([960_000], [0, 0]) * 1_000, tf.int16)
    settings = WarmStartSettings(augment=augment)
    how = TrainSettings(epochs=1, learning_rate=1e-5, schedule="constant")
    size = arguments.batch_size
    learn = TrainingSteps.learn

    def timed(steps: TrainingSteps, batches: Iterator[Any]) -> None:
        learn(steps, batches)
        clock.on_train_batch_end(0)

    def train() -> None:
        clock.on_epoch_begin(0)
        with mock.patch.object(TrainingSteps, "learn", timed):
            fit_model(
                model,
                sound_train_batches(clips, settings, noise, size, seed=0),
                sound_eval_batches(clips, size).take(1),
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
        path = Path(scratch, "train.tfrecord")
        write_clip_examples(path, arguments.clips)
        clips = SoundClips([str(path)], PARITY_CLASSES, FrontEnd(), multi_label=False)
        clocks = {name: StepClock() for name in ("bare Keras", "not augmented", "augmented")}
        ways = [
            train_bare(arguments, clips, clocks["bare Keras"]),
            train_ours(arguments, clips, NO_AUGMENTATION, clocks["not augmented"]),
            train_ours(arguments, clips, AugmentSettings(), clocks["augmented"]),
        ]
        for _ in range(arguments.rounds):
            for train in ways:
                train()
    print("| | windows/s | of bare | windows/CPU s | of bare |\n|---|---:|---:|---:|---:|")
    bare = np.median(clocks["bare Keras"].steps, axis=0)
    for name, clock in clocks.items():
        step = np.median(clock.steps, axis=0)
        columns = [
            f"{arguments.batch_size / seconds:.1f} | {of_bare / seconds:.2f}"
            for seconds, of_bare in zip(step, bare, strict=True)
        ]
        print(f"| {name} | {' | '.join(columns)} |")


if __name__ == "__main__":
    main()
