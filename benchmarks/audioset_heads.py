"""Heads on AudioSet's released embeddings: mean average precision in cross-validation by video.

Usage: python benchmarks/audioset_heads.py FOLDER [--folds N] [--only NAME ...]

FOLDER holds TFRecord files of the release, at any depth, such as `bal_train`. A tenth of the
training clips is the eval split, which chooses the epoch. Prints one Markdown row per head: mean
average precision (mAP) over classes with its standard deviation over folds, mean AUC, d-prime, and
seconds per fold. The first row is a baseline without this project: twenty lines of Keras, two
layers of 1,024 units on the mean embedding for 30 epochs.
"""

import argparse
import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy.stats import norm

from schema.config.model_settings import ModelSettings, TrainSettings
from trainer.clips.clip_batches import embedded_eval_batches, embedded_train_batches
from trainer.clips.embedded_clips import EmbeddedClips
from trainer.fitting.keras_fitting import fit_model
from trainer.fitting.objective import build_objective
from trainer.heads.dense import build_frozen_head
from trainer.heads.pooling import pool_windows
from trainer.metrics.ranking import areas_under_curve, average_precisions
from vggish.networks.pca_postprocessor import dequantize

FOLDS = 5
CLASSES = 527
SOFT = {"batch_size": 256, "mixup": 0.5}
NARROW = {"hidden": [200, 100]}
MIDDLE = {"hidden": [500, 500]}
HEADS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "default": ({}, {}),
    "mixup": ({}, SOFT),
    "[200, 100]": (NARROW, {}),
    "[500, 500], mean_std_max": (MIDDLE | {"pooling": "mean_std_max"}, {"batch_size": 128}),
    "mean_std_max, mixup": ({"pooling": "mean_std_max"}, SOFT),
    "batches of 256": ({}, {"batch_size": 256}),
    "smoothing": ({}, {"batch_size": 256, "label_smoothing": 0.02}),
    "mean_max": ({"pooling": "mean_max"}, SOFT),
    "attention": ({"pooling": "attention"}, SOFT),
    "mixup 1": ({}, SOFT | {"mixup": 1.0}),
    "mixup 0.2": ({}, SOFT | {"mixup": 0.2}),
    "dropout 0.3": ({"dropout": 0.3}, SOFT),
    "dropout 0.6": ({"dropout": 0.6}, SOFT),
    "15 epochs": ({}, SOFT | {"epochs": 15}),
    "60 epochs": ({}, SOFT | {"epochs": 60}),
    "constant rate": ({}, SOFT | {"schedule": "constant"}),
    "balanced": ({}, SOFT | {"balanced": True}),
    "linear": ({"hidden": []}, SOFT),
    "[1024]": ({"hidden": [1024]}, SOFT),
    "[2048, 2048]": ({"hidden": [2048, 2048]}, SOFT),
    "[1024, 1024, 1024]": ({"hidden": [1024, 1024, 1024]}, SOFT),
}
"""Settings of the sections `model` and `train`, by name."""


@dataclass(frozen=True)
class Data:
    """Clips.

    Attributes:
        windows: float32 [clips, n, 128], ragged in n.
        targets: float32 [clips, classes].
        fold: Fold of each clip, by its video, int [clips].
    """

    windows: tf.RaggedTensor
    targets: np.ndarray
    fold: np.ndarray

    def clips(self, rows: np.ndarray, pooling: Any) -> EmbeddedClips:
        """Returns some clips as a head reads them."""
        ids = np.arange(len(rows)).astype("S")
        if pooling == "attention":
            features = self.windows.flat_values.numpy()
            of_clips = [self.windows.row_starts(), self.windows.row_lengths()]
            whole = EmbeddedClips(ids, features, self.targets, np.stack(of_clips, axis=1))
        else:
            features = pool_windows(self.windows, pooling).numpy()
            whole = EmbeddedClips(ids, features, self.targets)
        return whole.of(np.flatnonzero(rows))


def read_release(folder: Path) -> Data:
    """Reads all records below a folder."""
    context = {
        "video_id": tf.io.FixedLenFeature([], tf.string),
        "labels": tf.io.VarLenFeature(tf.int64),
    }
    sequence = {"audio_embedding": tf.io.FixedLenSequenceFeature([], tf.string)}

    def parse(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        facts, features = tf.io.parse_single_sequence_example(record, context, sequence)
        labels = tf.reduce_max(tf.one_hot(facts["labels"].values, CLASSES), axis=0)
        return facts["video_id"], labels, tf.io.decode_raw(features["audio_embedding"], tf.uint8)

    files = sorted(map(str, folder.rglob("*.tfrecord")))
    videos, targets, windows = zip(
        *tf.data.TFRecordDataset(files).map(parse).as_numpy_iterator(), strict=True
    )
    digests = [int(hashlib.sha256(video).hexdigest()[:8], 16) for video in videos]
    embedded = dequantize(np.concatenate(windows).astype(np.float32))
    return Data(
        tf.RaggedTensor.from_row_lengths(embedded, [len(w) for w in windows]),
        np.stack(targets),
        np.array(digests) % FOLDS,
    )


def fit_head(data: Data, fold: int, model: dict[str, Any], train: dict[str, Any]) -> np.ndarray:
    """Trains as the pipeline does; returns the scores of the fold's clips."""
    settings = ModelSettings(features="embedding", task="multi_label", **model)
    training = TrainSettings(**train)
    rng = np.random.default_rng(fold)
    held_out = data.fold == fold
    evaluation = ~held_out & (rng.random(len(held_out)) < 0.1)
    splits = [
        data.clips(rows, settings.pooling)
        for rows in (~held_out & ~evaluation, evaluation, held_out)
    ]
    keras.utils.set_random_seed(training.seed)
    head = build_frozen_head(settings, CLASSES, splits[0].features)
    fit_model(
        head,
        embedded_train_batches(splits[0], CLASSES, training.batch_size, training.seed),
        embedded_eval_batches(splits[1], CLASSES, 256),
        training,
        build_objective(training, splits[0].targets, multi_label=True),
    )
    batches = embedded_eval_batches(splits[2], CLASSES, 256)
    return np.concatenate([head(inputs).numpy() for inputs, _ in batches])


def fit_baseline(data: Data, fold: int) -> np.ndarray:
    """Trains the baseline; returns the scores of the fold's clips."""
    held_out = data.fold == fold
    mean = tf.reduce_mean(data.windows, axis=1).numpy()
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential([keras.Input([128]), layers.Normalization()])
    model.layers[0].adapt(mean[~held_out])
    for _ in range(2):
        model.add(layers.Dense(1024, activation="relu"))
        model.add(layers.Dropout(0.5))
    model.add(layers.Dense(CLASSES, activation="sigmoid"))
    model.compile("adam", "binary_crossentropy")
    model.fit(mean[~held_out], data.targets[~held_out], batch_size=256, epochs=30, verbose=0)
    scores: np.ndarray = model.predict(mean[held_out], verbose=0)
    return scores


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description="Compare heads on AudioSet's embeddings.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--folds", type=int, default=FOLDS)
    parser.add_argument("--only", nargs="*", choices=["baseline", *HEADS])
    arguments = parser.parse_args()
    data = read_release(arguments.folder)
    print("| head | mAP | AUC | d-prime | seconds |\n|---|---|---|---|---|")
    for name in arguments.only or ["baseline", *HEADS]:
        precision, area, seconds = [], [], []
        for fold in range(arguments.folds):
            begin = time.monotonic()
            if name == "baseline":
                scores = fit_baseline(data, fold)
            else:
                scores = fit_head(data, fold, *HEADS[name])
            seconds.append(time.monotonic() - begin)
            truth = data.targets[data.fold == fold] > 0
            precision.append(np.nanmean(average_precisions(truth, scores)))
            area.append(np.nanmean(areas_under_curve(truth, scores)))
        mean_area = np.mean(area)
        print(
            f"| {name} | {np.mean(precision):.4f} ± {np.std(precision):.4f} | {mean_area:.4f} "
            f"| {np.sqrt(2) * norm.ppf(mean_area):.3f} | {np.mean(seconds):.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
