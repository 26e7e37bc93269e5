"""Finding a learning rate: the range test of Smith (2017), with exponentially rising rates."""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from trainer.fitting.training_steps import TrainingSteps
from vggish.errors import ConfigError

LOWEST_RATE, HIGHEST_RATE = 1e-6, 1.0
NUM_RATES = 200
"""Number of rates from the lowest to the highest; the test ends earlier if the loss explodes."""

_SMOOTHING = 0.9
_EXPLODED = 4.0
"""Ratio of the loss to its lowest value at which the test ends (Gugger 2018, fast.ai)."""
_BELOW_LOWEST = 10.0
"""Divisor from the rate of the lowest loss to a safe rate: one order of magnitude (Gugger 2018)."""


@dataclass(frozen=True)
class RateCurve:
    """The result of the range test.

    Attributes:
        rates: Learning rate of each step, rising.
        losses: Smoothed loss of each step.
        chosen: Peak rate to train with.
    """

    rates: list[float]
    losses: list[float]
    chosen: float


def find_rate(model: keras.Model, steps: TrainingSteps, batches: tf.data.Dataset) -> RateCurve:
    """Trains for at most 200 steps at rising rates, then restores the model.

    The loss falls faster at higher rates, until the rate is too high. The chosen rate is a tenth of
    the one with the lowest smoothed loss.

    Args:
        model: The model. Its variables are restored afterwards; the optimizer's are not.
        steps: Steps of the model, with an optimizer whose learning rate can be set.
        batches: At least `NUM_RATES` batches of inputs and targets.

    Returns:
        The curve and the choice.

    Raises:
        ConfigError: The loss of the first step is not finite, so no rate can help.
    """
    before = [variable.numpy() for variable in model.variables]
    rates = np.geomspace(LOWEST_RATE, HIGHEST_RATE, NUM_RATES)
    losses: list[float] = []
    average = 0.0
    upcoming = iter(batches)
    for step, rate in enumerate(rates, start=1):
        steps.optimizer.learning_rate = rate
        steps.learn(upcoming)
        loss = steps.take_results()["loss"]
        average = _SMOOTHING * average + (1 - _SMOOTHING) * loss
        smoothed = average / (1 - _SMOOTHING**step)
        if not np.isfinite(smoothed) or (losses and smoothed > _EXPLODED * min(losses)):
            break
        losses.append(smoothed)
    for variable, value in zip(model.variables, before, strict=True):
        variable.assign(value)
    if not losses:
        raise ConfigError(
            "The loss was not finite from the first step, at a learning rate of "
            f"{LOWEST_RATE:g}; check the weights of features.checkpoint."
        )
    tested = rates[: len(losses)].tolist()
    return RateCurve(tested, losses, tested[int(np.argmin(losses))] / _BELOW_LOWEST)
