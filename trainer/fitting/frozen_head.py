"""The `run_fn` that trains a head on cached embeddings of the frozen VGGish."""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from schema.imported_weights import read_imported_weights
from trainer.fitting.clip_batches import eval_batches, inputs_of, one_hot, train_batches
from trainer.fitting.embedded_clips import EmbeddedClips, load_embedded_clips
from trainer.fitting.keras_fitting import Fit, Hooks, fit
from trainer.fitting.objective import build_objective
from trainer.fitting.rate_finder import RateCurve
from trainer.fitting.split_metrics import count, measure
from trainer.fitting.trained_model import TrainedModel, write_trained_model
from trainer.fitting.training_job import Job, read_job
from trainer.heads.classical_fitting import ClassicalHead, FittedHead, fit_head
from trainer.heads.dense import build_frozen_head
from trainer.heads.pooling import PooledHead
from trainer.heads.thresholds import tune_thresholds
from vggish.networks.layer_taps import feature_size

_CLIPS_A_BATCH = 256


def run_fn(fn_args: FnArgs) -> None:
    """Trains the head, stitches it onto the network it learned from, and exports the whole.

    Args:
        fn_args: TFX's; see `read_job`. `base_model` holds the weights.
    """
    job = read_job(fn_args)
    size = feature_size(job.model.features)
    train_clips, eval_clips = (
        load_embedded_clips(
            files,
            size,
            len(job.classes),
            multi_label=job.multi_label,
            pooling=job.model.pooling,
        )
        for files in (fn_args.train_files, fn_args.eval_files)
    )
    head = _train_head(job, train_clips, eval_clips, fn_args.model_run_dir)
    weights = read_imported_weights(fn_args.base_model)
    network = weights.build_features(job.model.features)
    clips = {"train": train_clips, "eval": eval_clips}
    scores = {split: _score(head.scores, clips[split]) for split in clips}
    trained = TrainedModel(
        network=network,
        head=PooledHead(head.scores, job.model.pooling),
        parameters=network.count_params() + head.scores.count_params(),
        trainable_parameters=head.trainable_parameters,
        origin=weights.origin,
        clips={split: len(clips[split].targets) for split in clips},
        metrics={split: measure(clips[split].targets, scores[split]) for split in clips},
        eval_scores=(eval_clips.clip_ids, scores["eval"]),
        thresholds=(
            tune_thresholds(eval_clips.targets, scores["eval"]) if job.multi_label else None
        ),
        history=head.history,
        native=head.native,
        rate_finder=head.rate_finder,
    )
    write_trained_model(fn_args, job, trained)


@dataclass(frozen=True)
class _TrainedHead:
    """A head of any kind.

    Attributes:
        scores: From pooled features, or from padded windows that it pools itself, to scores.
        trainable_parameters: How many numbers were learned.
        history: Curves by epoch or boosting round, where there are any.
        native: What another library than Keras fitted.
        rate_finder: How the learning rate was found, where it was to be.
    """

    scores: keras.Model | ClassicalHead
    trainable_parameters: int
    history: dict[str, list[float]]
    native: FittedHead | None = None
    rate_finder: RateCurve | None = None


def _train_head(
    job: Job, train_clips: EmbeddedClips, eval_clips: EmbeddedClips, log_folder: str
) -> _TrainedHead:
    if job.model.head == "dense":
        dense, course = _fit_dense(job, train_clips, eval_clips, log_folder)
        trainable = count(dense.trainable_weights)
        return _TrainedHead(dense, trainable, course.history, rate_finder=course.rate_finder)
    settings = getattr(job.model, job.model.head)
    fitted = fit_head(settings, job.classes, train_clips, eval_clips, job.train.seed)
    scores = fitted.lowered
    return _TrainedHead(scores, scores.count_params(), fitted.history, fitted)


def _fit_dense(
    job: Job, train_clips: EmbeddedClips, eval_clips: EmbeddedClips, log_folder: str
) -> tuple[keras.Model, Fit]:
    """Fits the head; returns it as it was at its lowest eval loss, and how it went."""
    train, classes = job.train, len(job.classes)
    keras.utils.set_random_seed(train.seed)
    features = train_clips.pooled if train_clips.windows is None else train_clips.windows
    head = build_frozen_head(job.model, classes, features)
    targets = one_hot(train_clips.targets, classes)
    fitted = fit(
        head,
        train_batches(train_clips, classes, train.batch_size, train.seed),
        eval_batches(eval_clips, classes, _CLIPS_A_BATCH),
        train,
        build_objective(train, targets, multi_label=job.multi_label),
        Hooks(log_folder=log_folder),
    )
    return head, fitted


def _score(head: keras.Model | ClassicalHead, clips: EmbeddedClips) -> np.ndarray:
    inputs, places = inputs_of(clips), tf.range(len(clips.targets))
    starts = range(0, len(clips.targets), _CLIPS_A_BATCH)
    return np.concatenate([head(inputs(places[i : i + _CLIPS_A_BATCH])).numpy() for i in starts])
