"""The `run_fn` that trains a head on cached embeddings of the frozen VGGish."""

import math
from dataclasses import dataclass

import keras
import numpy as np
from tfx.components.trainer.fn_args_utils import FnArgs

from trainer.classical.fit import ClassicalHead, FittedHead, fit_head
from trainer.embedded_clips import EmbeddedClips, load_embedded_clips
from trainer.heads import build_dense_head
from trainer.job import Job, read_job
from trainer.lwlrap import lwlrap
from trainer.pooling import PooledHead
from trainer.settings import ModelSettings, TrainSettings
from trainer.trained_model import TrainedModel, write_trained_model
from vggish.features import feature_size
from vggish.imported_weights import read_imported_weights
from vggish.progress import Progress

_CLIPS_A_BATCH = 256


def run_fn(fn_args: FnArgs) -> None:
    """Trains the head, stitches it onto the network it learned from, and exports the whole.

    Args:
        fn_args: TFX's; see `read_job`. `base_model` holds the weights.
    """
    job = read_job(fn_args)
    size = feature_size(job.model.features)
    train_clips, eval_clips = (
        load_embedded_clips(files, size, len(job.classes), multi_label=job.multi_label)
        for files in (fn_args.train_files, fn_args.eval_files)
    )
    head = _train_head(job, train_clips, eval_clips)
    weights = read_imported_weights(fn_args.base_model)
    network = weights.build_features(job.model.features)
    clips = {"train": train_clips, "eval": eval_clips}
    trained = TrainedModel(
        network=network,
        head=PooledHead(head.scores),
        parameters=network.count_params() + head.scores.count_params(),
        trainable_parameters=head.trainable_parameters,
        origin=weights.origin,
        clips={split: len(clips[split].targets) for split in clips},
        metrics={split: _evaluate(head.scores, clips[split]) for split in clips},
        history=head.history,
        native=head.native,
    )
    write_trained_model(fn_args, job, trained)


@dataclass(frozen=True)
class _TrainedHead:
    """A head of any kind.

    Attributes:
        scores: From pooled features to scores.
        trainable_parameters: How many numbers were learned.
        history: Curves by epoch or boosting round, where there are any.
        native: What another library than Keras fitted.
    """

    scores: keras.Model | ClassicalHead
    trainable_parameters: int
    history: dict[str, list[float]]
    native: FittedHead | None = None


def _train_head(job: Job, train_clips: EmbeddedClips, eval_clips: EmbeddedClips) -> _TrainedHead:
    if job.model.head == "dense":
        dense, history = _train(job.model, job.train, len(job.classes), train_clips, eval_clips)
        return _TrainedHead(dense, _count(dense.trainable_weights), history)
    settings = getattr(job.model, job.model.head)
    fitted = fit_head(settings, job.classes, train_clips, eval_clips, job.train.seed)
    scores = fitted.lowered
    return _TrainedHead(scores, scores.count_params(), fitted.history, fitted)


class _LogEpochs(keras.callbacks.Callback):
    """Tells how far the training is."""

    def __init__(self, epochs: int):
        super().__init__()
        self._progress = Progress("epochs", epochs)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Called by Keras."""
        del epoch, logs
        self._progress.advance()


def _train(
    model: ModelSettings,
    train: TrainSettings,
    classes: int,
    train_clips: EmbeddedClips,
    eval_clips: EmbeddedClips,
) -> tuple[keras.Model, dict[str, list[float]]]:
    """Fits the head; returns it as it was at its lowest eval loss, and the curves by epoch."""
    keras.utils.set_random_seed(train.seed)
    head = build_dense_head(model, classes, train_clips.pooled)
    multi_label = model.task == "multi_label"
    head.compile(
        keras.optimizers.Adam(train.learning_rate),
        loss="binary_crossentropy" if multi_label else "sparse_categorical_crossentropy",
        metrics=[] if multi_label else ["accuracy"],
    )
    history = head.fit(
        train_clips.pooled,
        train_clips.targets,
        batch_size=train.batch_size,
        epochs=train.epochs,
        validation_data=(eval_clips.pooled, eval_clips.targets),
        callbacks=[
            keras.callbacks.EarlyStopping(patience=train.patience, restore_best_weights=True),
            _LogEpochs(train.epochs),
        ],
        verbose=0,
    )
    return head, {name: [float(v) for v in values] for name, values in history.history.items()}


def _evaluate(head: keras.Model | ClassicalHead, clips: EmbeddedClips) -> dict[str, float]:
    """Measures any head alike, by its scores."""
    starts = range(0, len(clips.targets), _CLIPS_A_BATCH)
    scores = np.concatenate([head(clips.pooled[i : i + _CLIPS_A_BATCH]).numpy() for i in starts])
    if clips.targets.ndim > 1:
        loss = keras.losses.binary_crossentropy(clips.targets, scores)
        quality = {"lwlrap": lwlrap(clips.targets, scores)}
    else:
        loss = keras.losses.sparse_categorical_crossentropy(clips.targets, scores)
        quality = {"accuracy": float((scores.argmax(axis=1) == clips.targets).mean())}
    return {"loss": float(np.mean(loss)), **quality}


def _count(weights: list[keras.Variable]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)
