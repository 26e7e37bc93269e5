"""The one place where Keras models are fitted."""

import hashlib
import json
import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass

import keras
import tensorflow as tf

from schema.config.model_settings import TrainSettings
from trainer.fitting.mixup import Inputs, mix
from trainer.fitting.objective import Objective
from trainer.fitting.rate_finder import LOWEST, STEPS, RateCurve, find_rate
from trainer.fitting.training_callbacks import Backup, Epochs, Scalars, is_over

WARM_UP = 0.25
"""The share of a cycle in which the rate rises."""
START_BELOW = 25.0
"""How far below its highest the rate of a cycle starts."""

EpochBatches = Callable[[tf.Tensor], tf.data.Dataset]
"""From the number of an epoch, int64 [], to its batches: inputs (see `mixup.Inputs`) and
targets, float32 [batch, classes]. An epoch always gives the same batches, another one gives as many
in another order; the dataset's cardinality tells how many. The function is traced once."""


@dataclass(frozen=True)
class Hooks:
    """What a training may have besides.

    Attributes:
        rate_scale: From a variable's path to what its learning rate is multiplied by.
        log_folder: Where TensorBoard finds curves by epoch, in the runs `train` and `eval`.
        backup_folder: Where the state after every epoch is kept until the end, for a training that
            was cut off to go on from there. It belongs to this training alone.
    """

    rate_scale: Callable[[str], float] | None = None
    log_folder: str | None = None
    backup_folder: str | None = None


@dataclass(frozen=True)
class Fit:
    """How a training went.

    Attributes:
        history: `loss`, `val_loss`, `learning_rate` and, of clips with one label, `accuracy` and
            `val_accuracy`, by epoch.
        learning_rate: The highest.
        rate_finder: How it was found, where it was to be.
    """

    history: dict[str, list[float]]
    learning_rate: float
    rate_finder: RateCurve | None


def fit(
    model: keras.Model,
    train: EpochBatches,
    evaluation: tf.data.Dataset,
    settings: TrainSettings,
    objective: Objective,
    hooks: Hooks | None = None,
) -> Fit:
    """Fits a model with Adam, and leaves it as it was after the epoch of its lowest eval loss.

    A constant rate is kept until the eval loss has not been lower for `patience` epochs. With
    `one_cycle` (Smith 2018, arXiv:1803.09820) the rate rises linearly from a 25th of the highest in
    the first quarter of all epochs, and falls as a cosine to nought in the others; Adam's momentum
    stays as it is. Such a cycle always ends: while the rate is high the eval loss may stand still
    for long, and it is the fall at the end that lowers it.

    A training that was cut off goes on after its last whole epoch, and ends as if nothing had been.

    Args:
        model: Built, with the seed of its dropout set.
        train: What to learn from.
        evaluation: What tells when it is best, as batches of inputs and targets.
        settings: How.
        objective: What is made small.
        hooks: What else is wanted.

    Returns:
        The curves.

    Raises:
        ConfigError: The loss is not finite.
    """
    hooks = hooks or Hooks()
    steps = int(train(tf.constant(0, tf.int64)).cardinality())
    if steps <= 0:
        raise ValueError("The batches of an epoch must have a known cardinality above nought.")

    def batches(first: int, end: int) -> tf.data.Dataset:
        numbers = tf.data.Dataset.range(first, end)
        mixed = numbers.flat_map(lambda epoch: _mixed(train(epoch), epoch * steps, settings))
        return mixed.prefetch(tf.data.AUTOTUNE)

    def compile_at(rate: float | keras.optimizers.schedules.LearningRateSchedule) -> None:
        optimizer = _ScaledAdam(rate, hooks.rate_scale)
        model.compile(optimizer, loss=objective.loss, metrics=objective.metrics)
        optimizer.build(model.trainable_variables)

    backup_folder = hooks.backup_folder and os.path.join(
        hooks.backup_folder, _fingerprint(model, settings, steps)
    )
    rate, curve = settings.learning_rate, None
    if rate == "auto":
        compile_at(LOWEST)
        curve = _remembered(
            backup_folder, lambda: find_rate(model, batches(0, math.ceil(STEPS / steps)))
        )
        rate = curve.chosen
    compile_at(_schedule(rate, settings, steps))
    best = [tf.Variable(weight.value) for weight in model.weights]
    backup = Backup(model, best, backup_folder) if backup_folder else None
    history = backup.restore() if backup else {}
    if not is_over(history, settings):
        scalars = Scalars(hooks.log_folder) if hooks.log_folder else None
        done = len(history.get("loss", []))
        model.fit(
            batches(done, settings.epochs),
            steps_per_epoch=steps,
            initial_epoch=done,
            epochs=settings.epochs,
            validation_data=evaluation,
            shuffle=False,  # The batches come in an order of their own.
            callbacks=[Epochs(settings, history, best, backup, scalars)],
            verbose=0,
        )
    for weight, kept in zip(model.weights, best, strict=True):
        weight.assign(kept)
    if hooks.backup_folder:
        tf.io.gfile.rmtree(hooks.backup_folder)
    return Fit(history, rate, curve)


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
        """Called by Keras, which hands over TensorFlow's variables; its own know their paths."""
        if self._scale is not None:
            known = self._trainable_variables[self._get_variable_index(variable)]
            learning_rate *= self._scale(known.path)
        super().update_step(gradient, variable, learning_rate)


def _schedule(
    rate: float, settings: TrainSettings, steps: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    if settings.schedule == "constant":
        return rate
    rising = math.ceil(WARM_UP * settings.epochs * steps)
    return keras.optimizers.schedules.CosineDecay(
        rate / START_BELOW,
        decay_steps=max(1, settings.epochs * steps - rising),
        warmup_target=rate,
        warmup_steps=rising,
    )


def _mixed(batches: tf.data.Dataset, first: tf.Tensor, settings: TrainSettings) -> tf.data.Dataset:
    """Mixes the clips of an epoch's batches, the first of which is the `first` of the training."""
    if not settings.mixup:
        return batches

    def mixed(number: tf.Tensor, batch: tuple[Inputs, tf.Tensor]) -> tuple[Inputs, tf.Tensor]:
        inputs, targets = batch
        return mix(inputs, targets, settings.mixup, tf.stack([settings.seed, number]))

    return batches.enumerate(first).map(mixed)


def _fingerprint(model: keras.Model, settings: TrainSettings, steps: int) -> str:
    """What must be the same for a training to go on where another one was cut off."""
    shapes = [list(weight.shape) for weight in model.weights]
    facts = json.dumps([settings.model_dump(), shapes, steps])
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


def _remembered(folder: str | None, find: Callable[[], RateCurve]) -> RateCurve:
    """Finds the rate, unless the training that was cut off already has."""
    if folder is None:
        return find()
    path = os.path.join(folder, "rate_finder.json")
    if tf.io.gfile.exists(path):
        with tf.io.gfile.GFile(path) as file:
            return RateCurve(**json.loads(file.read()))
    curve = find()
    tf.io.gfile.makedirs(folder)
    with tf.io.gfile.GFile(f"{path}.new", "w") as file:
        file.write(json.dumps(asdict(curve)))
    tf.io.gfile.rename(f"{path}.new", path)
    return curve
