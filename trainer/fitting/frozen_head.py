"""The `run_fn` that trains a head on cached embeddings of the frozen network."""

import os
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from schema.embedded_clips import window_statistics
from schema.imported_weights import read_imported_weights
from schema.training_statistics import MOST_DIMENSIONS, write_training_statistics
from trainer.clips.clip_batches import embedded_eval_batches, embedded_train_batches, one_hot
from trainer.clips.embedded_clips import EmbeddedClips, load_embedded_clips
from trainer.clips.training_sample import say_needs
from trainer.fitting.keras_fitting import FitOptions, FitResult, fit_model
from trainer.fitting.objective import build_objective
from trainer.fitting.rate_finder import RateCurve
from trainer.fitting.split_metrics import count_parameters
from trainer.fitting.trained_model import ScoredSplit, TrainedModel, write_trained_model
from trainer.fitting.training_job import TrainingJob, read_training_job
from trainer.heads.classical_head import ClassicalHead, FittedClassicalHead, fit_classical_head
from trainer.heads.dense import build_frozen_head
from trainer.heads.pooling import PooledHead
from trainer.open_set.unfamiliarity import fit_unfamiliarity
from trainer.workers.run_on_workers import on_workers
from trainer.workers.strategy import own_share
from vggish.networks.layer_taps import feature_size

_CLIPS_A_BATCH = 256
_BATCHES_AHEAD = 16
"""Batches that TensorFlow may read before they are needed, about."""


@on_workers
def run_fn(fn_args: FnArgs, strategy: tf.distribute.Strategy) -> None:
    """Trains the head, joins it to the network that made its features, and exports both.

    Args:
        fn_args: Arguments from TFX; see `read_training_job`. `base_model` holds the weights.
            `custom_config` also has `backup_folder`, from which an interrupted training resumes.
        strategy: Strategy of the training; see `on_workers`.
    """
    job = read_training_job(fn_args)
    classes = len(job.classes)
    folder = _local_folder(fn_args.model_run_dir)
    train_clips, eval_clips = (
        load_clips(job, files, folder) for files in (fn_args.train_files, fn_args.eval_files)
    )
    options = FitOptions(
        log_folder=fn_args.model_run_dir,
        backup_folder=fn_args.custom_config["backup_folder"],
    )
    with strategy.scope():
        writes = own_share().writes
        head = train_head(job, train_clips, eval_clips, options)
    if not writes:
        return
    weights = read_imported_weights(fn_args.base_model)
    network = weights.build_features(job.model.features)
    trained = TrainedModel(
        network=network,
        head=PooledHead(head.scores, job.model.pooling),
        parameters=(network.count_params() if network else 0) + head.scores.count_params(),
        trainable_parameters=head.trainable_parameters,
        origin=weights.origin,
        splits={
            name: ScoredSplit(
                clips.clip_ids, clips.targets, score_clips(head.scores, clips, classes)
            )
            for name, clips in (("train", train_clips), ("eval", eval_clips))
        },
        history=head.history,
        native=head.native,
        rate_finder=head.rate_finder,
        unfamiliarity=(
            fit_unfamiliarity(train_clips, eval_clips, job.model.pooling, job.train.seed)
            if job.model.task == "open_set"
            else None
        ),
    )
    write_trained_model(fn_args, job, trained)
    keep_statistics(fn_args, feature_size_of(job, job.model.features))


def load_clips(
    job: TrainingJob, file_patterns: list[str], folder: str | None = None
) -> EmbeddedClips:
    """Loads cached features as the job's head reads them; see `load_embedded_clips`."""
    return load_embedded_clips(
        file_patterns,
        feature_size_of(job, job.model.features),
        len(job.classes),
        multi_label=job.multi_label,
        pooling=job.model.pooling,
        folder=folder,
    )


def feature_size_of(job: TrainingJob, features: str) -> int:
    """Returns the numbers per window of a layer tap, or of embeddings that were given."""
    return job.embedding_size or feature_size(features, job.features.network)


def keep_statistics(fn_args: FnArgs, size: int) -> None:
    """Writes the statistics of the training features beside the model, unless they are too many."""
    if size <= MOST_DIMENSIONS and (statistics := window_statistics(fn_args.train_files)):
        write_training_statistics(fn_args.serving_model_dir, statistics)


@dataclass(frozen=True)
class TrainedHead:
    """A head of any kind.

    Attributes:
        scores: Function from pooled features, or from padded windows (`attention`), to scores.
        trainable_parameters: Number of parameters that were learned.
        history: Curves by epoch or boosting round, if there are any.
        native: The head as scikit-learn or XGBoost fitted it; None of a Keras head.
        rate_finder: Curve of the learning-rate finder; None if the rate was given.
    """

    scores: keras.Model | ClassicalHead
    trainable_parameters: int
    history: dict[str, list[float]]
    native: FittedClassicalHead | None = None
    rate_finder: RateCurve | None = None


def train_head(
    job: TrainingJob,
    train_clips: EmbeddedClips,
    eval_clips: EmbeddedClips,
    options: FitOptions | None = None,
) -> TrainedHead:
    """Trains the head that the settings name.

    Args:
        job: The training job.
        train_clips: The clips to learn from.
        eval_clips: The clips that choose the epoch.
        options: Optional parts of the training of a dense head.
    """
    if job.model.head == "dense":
        dense, course = _fit_dense(job, train_clips, eval_clips, options)
        trainable = count_parameters(dense.trainable_weights)
        return TrainedHead(dense, trainable, course.history, rate_finder=course.rate_finder)
    settings = getattr(job.model, job.model.head)
    fitted = fit_classical_head(settings, job.classes, train_clips, eval_clips, job.train)
    scores = fitted.lowered
    return TrainedHead(scores, scores.count_params(), fitted.history, fitted)


def _fit_dense(
    job: TrainingJob,
    train_clips: EmbeddedClips,
    eval_clips: EmbeddedClips,
    options: FitOptions | None,
) -> tuple[keras.Model, FitResult]:
    """Fits the head; returns it with its best weights, and the course of the training."""
    train, classes = job.train, len(job.classes)
    keras.utils.set_random_seed(train.seed)
    head = build_frozen_head(job.model, classes, train_clips.features)
    count = len(train_clips.targets)
    # Of each parameter: itself, its gradient, Adam's two moments, and the best value so far.
    numbers = 5 * head.count_params() + _BATCHES_AHEAD * train.batch_size * (
        train_clips.features.shape[1] + classes
    )
    say_needs(count, count, 4e-9 * (numbers + count * classes), train_clips.features)
    targets = one_hot(train_clips.targets, classes)
    fitted = fit_model(
        head,
        embedded_train_batches(train_clips, classes, train.batch_size, train.seed),
        embedded_eval_batches(eval_clips, classes, _CLIPS_A_BATCH, own_share()),
        train,
        build_objective(train, targets, multi_label=job.multi_label),
        options,
    )
    return head, fitted


def _local_folder(folder: str) -> str | None:
    """Returns the folder, created if it is missing; None if it is not on this machine."""
    if "://" in folder:
        return None
    os.makedirs(folder, exist_ok=True)
    return folder


def score_clips(
    head: keras.Model | ClassicalHead, clips: EmbeddedClips, classes: int
) -> np.ndarray:
    """Scores clips, float32 [clips, classes]."""
    batches = embedded_eval_batches(clips, classes, _CLIPS_A_BATCH)
    return np.concatenate([head(inputs).numpy() for inputs, _ in batches])
