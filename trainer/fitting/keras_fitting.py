"""The training loop of every Keras model."""

import hashlib
import json
import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass

import keras
import tensorflow as tf

from schema.config.model_settings import TrainSettings
from trainer.fitting.mixup import ClipInputs, mix_clips
from trainer.fitting.objective import Objective
from trainer.fitting.rate_finder import LOWEST_RATE, NUM_RATES, RateCurve, find_rate
from trainer.fitting.training_record import (
    EpochRecord,
    TensorBoardCurves,
    TrainingBackup,
    training_is_over,
)
from trainer.fitting.training_steps import TrainingSteps
from trainer.workers.share import Share
from trainer.workers.strategy import own_share

WARM_UP_SHARE = 0.25
"""Share of a one-cycle schedule in which the learning rate rises."""
START_DIVISOR = 25.0
"""Peak learning rate of a one-cycle schedule, divided by the rate of its first step."""

EpochBatches = Callable[[tf.Tensor], tf.data.Dataset]
"""Function from the number of an epoch, int64 [], to batches of inputs (see `mixup.ClipInputs`) and
targets, float32 [batch, classes], or to this process's share of them. An epoch always gives the
same batches. Every epoch has as many as the dataset's cardinality says, in an order of its own. The
function is traced once."""


@dataclass(frozen=True)
class FitOptions:
    """Optional parts of a training.

    Attributes:
        rate_scale: Function from a variable's path to the factor of its learning rate.
        log_folder: Folder for TensorBoard's curves by epoch, in the runs `train` and `eval`.
        backup_folder: Folder for the state after every epoch, from which an interrupted training
            resumes. It belongs to this training alone, and is deleted at the end.
    """

    rate_scale: Callable[[str], float] | None = None
    log_folder: str | None = None
    backup_folder: str | None = None


@dataclass(frozen=True)
class FitResult:
    """The course of a training.

    Attributes:
        history: `loss`, `val_loss`, `learning_rate` and, for clips with one label, `accuracy` and
            `val_accuracy`, by epoch.
        learning_rate: Peak learning rate.
        rate_finder: Curve of the learning-rate finder; None if the rate was given.
    """

    history: dict[str, list[float]]
    learning_rate: float
    rate_finder: RateCurve | None


def fit_model(
    model: keras.Model,
    train: EpochBatches,
    evaluation: tf.data.Dataset,
    settings: TrainSettings,
    objective: Objective,
    options: FitOptions | None = None,
) -> FitResult:
    """Fits a model with Adam, and restores its weights of the epoch with the lowest eval loss.

    With a constant rate, training stops when the eval loss has not improved for `patience` epochs.
    With `one_cycle` (Smith 2018, arXiv:1803.09820) the rate rises linearly from 1/25 of its peak
    in the first quarter of all epochs, and falls as a cosine to 0 in the rest; Adam's momentum does
    not change. A cycle is never cut short: the eval loss may stagnate while the rate is high, and
    falls with the rate at the end.

    An interrupted training resumes after its last complete epoch, with the same result as an
    uninterrupted one.

    In the scope of a strategy of several replicas, each learns from its part of every batch; with
    several processes, all call this function, and the first one writes the files.

    Args:
        model: Model that is built, with the seed of its dropout set, in the scope that is in use.
        train: Batches of the training split.
        evaluation: Batches of inputs and targets of the eval split.
        settings: Settings of the training.
        objective: Loss and metrics.
        options: Optional parts of the training.

    Returns:
        The course of the training.

    Raises:
        ConfigError: The loss is not finite.
        ValueError: A number of batches is unknown, or an epoch has none.
    """
    options = options or FitOptions()
    share = own_share()
    steps = int(train(tf.constant(0, tf.int64)).cardinality())
    if steps <= 0 or evaluation.cardinality() < 0:
        raise ValueError("The batches of an epoch must have a known, positive cardinality.")

    def batches(first: int, end: int) -> tf.data.Dataset:
        numbers = tf.data.Dataset.range(first, end)
        mixed = numbers.flat_map(lambda epoch: _mixed(train(epoch), epoch * steps, settings))
        return mixed.prefetch(tf.data.AUTOTUNE)

    def steps_at(
        rate: float | keras.optimizers.schedules.LearningRateSchedule,
    ) -> TrainingSteps:
        optimizer = _ScaledAdam(rate, options.rate_scale)
        optimizer.build(model.trainable_variables)
        return TrainingSteps(model, optimizer, objective)

    backup_folder = options.backup_folder and os.path.join(
        options.backup_folder, _fingerprint(model, settings, steps)
    )
    rate, curve = settings.learning_rate, None
    if rate == "auto":
        enough = batches(0, math.ceil(NUM_RATES / steps))
        curve = _remembered(
            backup_folder, share, lambda: find_rate(model, steps_at(LOWEST_RATE), enough)
        )
        rate = curve.chosen
    training = steps_at(_schedule(rate, settings, steps))
    best = [tf.Variable(weight.value) for weight in model.weights]
    backup = (
        TrainingBackup(model, training.optimizer, best, backup_folder) if backup_folder else None
    )
    history = backup.restore() if backup else {}
    if not training_is_over(history, settings):
        logs = options.log_folder if share.writes else None
        scalars = TensorBoardCurves(logs) if logs else None
        record = EpochRecord(settings, history, best, backup if share.writes else None, scalars)
        upcoming = iter(batches(len(history.get("loss", [])), settings.epochs))
        while not training_is_over(history, settings):
            for _ in range(steps):
                training.learn(upcoming)
            learned = training.take_results()
            training.measure(evaluation)
            measured = training.take_results()
            record.end_epoch(model, training.optimizer, learned, measured)
    for weight, kept in zip(model.weights, best, strict=True):
        weight.assign(kept)
    if options.backup_folder and share.writes:
        tf.io.gfile.rmtree(options.backup_folder)
    return FitResult(history, rate, curve)


class _ScaledAdam(keras.optimizers.Adam):
    """Adam whose learning rate may differ by variable."""

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
        scale: Callable[[str], float] | None,
    ):
        super().__init__(learning_rate, name="adam")
        self._scale = scale

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Called by Keras with TensorFlow's variables; only Keras's variables know their paths."""
        if self._scale is not None:
            known = self._trainable_variables[self._get_variable_index(variable)]
            learning_rate *= self._scale(known.path)
        super().update_step(gradient, variable, learning_rate)


def _schedule(
    rate: float, settings: TrainSettings, steps: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    if settings.schedule == "constant":
        return rate
    rising = math.ceil(WARM_UP_SHARE * settings.epochs * steps)
    return keras.optimizers.schedules.CosineDecay(
        rate / START_DIVISOR,
        decay_steps=max(1, settings.epochs * steps - rising),
        warmup_target=rate,
        warmup_steps=rising,
    )


def _mixed(batches: tf.data.Dataset, first: tf.Tensor, settings: TrainSettings) -> tf.data.Dataset:
    """Mixes the clips of an epoch; `first` is the number of its first batch in the training."""
    if not settings.mixup:
        return batches

    def mixed(
        number: tf.Tensor, batch: tuple[ClipInputs, tf.Tensor]
    ) -> tuple[ClipInputs, tf.Tensor]:
        inputs, targets = batch
        return mix_clips(inputs, targets, settings.mixup, tf.stack([settings.seed, number]))

    return batches.enumerate(first).map(mixed)


def _fingerprint(model: keras.Model, settings: TrainSettings, steps: int) -> str:
    """Hashes everything that a training and the backup it resumes from must share."""
    shapes = [list(weight.shape) for weight in model.weights]
    facts = json.dumps([settings.model_dump(), shapes, steps])
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


def _remembered(folder: str | None, share: Share, find: Callable[[], RateCurve]) -> RateCurve:
    """Finds the learning rate, or reads the one that the interrupted training found."""
    if folder is None:
        return find()
    path = os.path.join(folder, "rate_finder.json")
    if tf.io.gfile.exists(path):
        with tf.io.gfile.GFile(path) as file:
            return RateCurve(**json.loads(file.read()))
    curve = find()
    if not share.writes:
        return curve
    tf.io.gfile.makedirs(folder)
    with tf.io.gfile.GFile(f"{path}.new", "w") as file:
        file.write(json.dumps(asdict(curve)))
    tf.io.gfile.rename(f"{path}.new", path)
    return curve
