"""Heads on AudioSet's released embeddings: mean average precision in cross-validation by video.

Usage: python benchmarks/audioset_heads.py FOLDER [--folds N] [--only NAME ...]

FOLDER holds TFRecord files of the release, at any depth, such as `bal_train`. A tenth of the
training clips is the eval split, which chooses the epoch. Prints one Markdown row per head: mean
average precision (mAP) over classes with its standard deviation over folds, mean AUC, d-prime, and
seconds of processor time per fold. The first row is a baseline without this project: twenty lines
of Keras, two layers of 1,024 units on the mean embedding for 30 epochs. The last rows are no part
of the project: what they try gains nothing, or too little for its cost.
"""

import argparse
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy.stats import norm

from schema.config.model_settings import ModelSettings, TrainSettings
from trainer.clips.clip_batches import embedded_eval_batches, embedded_train_batches
from trainer.clips.embedded_clips import EmbeddedClips
from trainer.clips.feature_file import Features
from trainer.fitting.keras_fitting import fit_model
from trainer.fitting.mixup import ClipInputs
from trainer.fitting.objective import build_objective
from trainer.heads.dense import build_frozen_head, standardise
from trainer.heads.pooling import pool_windows
from trainer.metrics.ranking import areas_under_curve, average_precisions
from vggish.networks.pca_postprocessor import dequantize

FOLDS = 5
CLASSES = 527


@dataclass(frozen=True)
class Candidate:
    """A head and its training.

    Attributes:
        model: Settings of the section `model`.
        train: Settings of the section `train`.
        loss: Replaces the loss of the project: from targets and scores to float32 [batch].
        build: Replaces the head of the project: from training windows to a model.
        masked: Share of a clip's windows that are hidden in every batch.
        members: Trainings with seeds of their own, whose scores are averaged.
    """

    model: dict[str, Any] = field(default_factory=dict)
    train: dict[str, Any] = field(default_factory=dict)
    loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None
    build: Callable[[Features], keras.Model] | None = None
    masked: float = 0.0
    members: int = 1


def focal_loss(targets: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
    """Lin et al. (2017), arXiv:1708.02002, with gamma 2 and no weights."""
    return asymmetric_loss(targets, scores, having=2.0, lacking=2.0, margin=0.0)


def asymmetric_loss(
    targets: tf.Tensor,
    scores: tf.Tensor,
    having: float = 0.0,
    lacking: float = 4.0,
    margin: float = 0.05,
) -> tf.Tensor:
    """Ridnik et al. (2021), arXiv:2009.14119, equations 6 and 7."""
    scores = tf.clip_by_value(scores, 1e-7, 1 - 1e-7)
    shifted = tf.maximum(scores - margin, 1e-7)
    present = targets * (1 - scores) ** having * tf.math.log(scores)
    absent = (1 - targets) * shifted**lacking * tf.math.log(1 - shifted)
    return -tf.reduce_mean(present + absent, axis=-1)


def build_decision_level(train_windows: Features) -> keras.Model:
    """Attention over each window's decisions, by class (Kong et al. 2018, arXiv:1711.00927)."""
    windows, present = keras.Input([None, 128]), keras.Input([None])
    x = standardise(windows, train_windows)
    for _ in range(2):
        x = keras.layers.Dropout(0.5)(keras.layers.Dense(1024, activation="relu")(x))
    return keras.Model((windows, present), decide(x, present))


def build_multi_level(train_windows: Features) -> keras.Model:
    """Attention after each hidden layer (Yu et al. 2018, arXiv:1803.02353), then one layer."""
    windows, present = keras.Input([None, 128]), keras.Input([None])
    x = standardise(windows, train_windows)
    levels = []
    for _ in range(2):
        x = keras.layers.Dropout(0.5)(keras.layers.Dense(1024, activation="relu")(x))
        levels.append(decide(x, present))
    joined = keras.layers.Concatenate()(levels)
    return keras.Model(
        (windows, present), keras.layers.Dense(CLASSES, activation="sigmoid")(joined)
    )


def decide(x: keras.KerasTensor, present: keras.KerasTensor) -> keras.KerasTensor:
    """Averages the windows' sigmoids, each class with weights of its own."""
    scores = keras.layers.Dense(CLASSES, activation="sigmoid")(x)
    weights = keras.layers.Dense(CLASSES)(x) + (present[..., None] - 1) * 1e9
    mean = keras.ops.sum(scores * keras.ops.softmax(weights, axis=1), axis=1)
    return keras.ops.clip(mean, 1e-7, 1 - 1e-7)


SOFT = {"batch_size": 256, "mixup": 0.5}
ATTENTION = {"pooling": "attention"}
NARROWER = ATTENTION | {"hidden": [500, 500]}
HEADS: dict[str, Candidate] = {
    "default": Candidate(),
    "mixup": Candidate({}, SOFT),
    "mean_max, mixup": Candidate({"pooling": "mean_max"}, SOFT),
    "[], mixup": Candidate({"hidden": []}, SOFT),
    "[200, 100], mixup": Candidate({"hidden": [200, 100]}, SOFT),
    "[500, 500], mixup": Candidate({"hidden": [500, 500]}, SOFT),
    "[500, 500], mean_std_max, mixup": Candidate(
        {"hidden": [500, 500], "pooling": "mean_std_max"}, SOFT
    ),
    "[1024], mixup": Candidate({"hidden": [1024]}, SOFT),
    "attention": Candidate(ATTENTION, {"batch_size": 256}),
    "attention, mixup": Candidate(ATTENTION, SOFT),
    "attention, mixup, dropout 0.3": Candidate(ATTENTION | {"dropout": 0.3}, SOFT),
    "attention, mixup, dropout 0.6": Candidate(ATTENTION | {"dropout": 0.6}, SOFT),
    "attention, [], mixup": Candidate(ATTENTION | {"hidden": []}, SOFT),
    "attention, [200, 100], mixup": Candidate(ATTENTION | {"hidden": [200, 100]}, SOFT),
    "attention, [1024], mixup": Candidate(ATTENTION | {"hidden": [1024]}, SOFT),
    "attention, [2048, 2048], mixup": Candidate(ATTENTION | {"hidden": [2048, 2048]}, SOFT),
    "attention, [500, 500], mixup": Candidate(NARROWER, SOFT),
    "attention, [500, 500]": Candidate(NARROWER, {"batch_size": 256}),
    "attention, [500, 500], mixup 1": Candidate(NARROWER, SOFT | {"mixup": 1.0}),
    "attention, [500, 500], mixup, 15 epochs": Candidate(NARROWER, SOFT | {"epochs": 15}),
    "attention, [500, 500], mixup, 60 epochs": Candidate(NARROWER, SOFT | {"epochs": 60}),
    "attention, [500, 500], mixup, constant rate": Candidate(
        NARROWER, SOFT | {"schedule": "constant"}
    ),
    "attention, [500, 500], mixup, smoothing": Candidate(
        NARROWER, SOFT | {"label_smoothing": 0.02}
    ),
    "attention, [500, 500], mixup, balanced": Candidate(NARROWER, SOFT | {"balanced": True}),
    "attention, [500, 500], mixup, focal loss": Candidate(NARROWER, SOFT, loss=focal_loss),
    "attention, [500, 500], mixup, asymmetric loss": Candidate(
        NARROWER, SOFT, loss=asymmetric_loss
    ),
    "attention, [500, 500], mixup, a quarter of the windows masked": Candidate(
        NARROWER, SOFT, masked=0.25
    ),
    "attention, [500, 500], mixup, mean of 3 seeds": Candidate(NARROWER, SOFT, members=3),
    "decision-level attention, mixup": Candidate(ATTENTION, SOFT, build=build_decision_level),
    "multi-level attention, mixup": Candidate(ATTENTION, SOFT, build=build_multi_level),
}
"""Heads by name."""


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


def fit_head(data: Data, fold: int, candidate: Candidate, seed: int) -> np.ndarray:
    """Trains as the pipeline does; returns the scores of the fold's clips."""
    settings = ModelSettings(features="embedding", task="multi_label", **candidate.model)
    training = TrainSettings(**candidate.train, seed=seed)
    rng = np.random.default_rng(fold)
    held_out = data.fold == fold
    evaluation = ~held_out & (rng.random(len(held_out)) < 0.1)
    splits = [
        data.clips(rows, settings.pooling)
        for rows in (~held_out & ~evaluation, evaluation, held_out)
    ]
    keras.utils.set_random_seed(seed)
    if candidate.build is None:
        head = build_frozen_head(settings, CLASSES, splits[0].features)
    else:
        head = candidate.build(splits[0].features)
    objective = build_objective(training, splits[0].targets, multi_label=True)
    if candidate.loss is not None:
        objective = replace(objective, loss=candidate.loss)
    batches = embedded_train_batches(splits[0], CLASSES, training.batch_size, seed)
    fit_model(
        head,
        lambda epoch: batches(epoch).map(
            lambda inputs, targets: (hide_windows(inputs, candidate.masked), targets)
        ),
        embedded_eval_batches(splits[1], CLASSES, 256),
        training,
        objective,
    )
    tests = embedded_eval_batches(splits[2], CLASSES, 256)
    return np.concatenate([head(inputs).numpy() for inputs, _ in tests])


def hide_windows(inputs: ClipInputs, share: float) -> ClipInputs:
    """Hides a share of each clip's windows, but never all."""
    if not share:
        return inputs
    windows, present = inputs
    shown = present * tf.cast(tf.random.uniform(tf.shape(present)) >= share, tf.float32)
    none = tf.reduce_sum(shown, axis=1, keepdims=True) == 0
    return windows, tf.where(none, present, shown)


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
            begin = time.process_time()
            if name == "baseline":
                scores = fit_baseline(data, fold)
            else:
                head = HEADS[name]
                members = [fit_head(data, fold, head, seed) for seed in range(head.members)]
                scores = np.mean(members, axis=0)
            seconds.append(time.process_time() - begin)
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
