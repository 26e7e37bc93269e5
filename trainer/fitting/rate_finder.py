"""Finding a learning rate: the range test of Smith (2017), with the rates rising exponentially."""

from collections.abc import Iterable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

LOWEST, HIGHEST = 1e-6, 1.0
STEPS = 200
"""From the lowest to the highest rate, unless the loss explodes before."""

_SMOOTHING = 0.9
_EXPLODED = 4.0
"""How many times its lowest value the loss may be before the test ends (Gugger 2018, fast.ai)."""
_BELOW_LOWEST = 10.0
"""How far below the rate of the lowest loss one is safe: an order of magnitude (Gugger 2018)."""


@dataclass(frozen=True)
class RateCurve:
    """What the test saw.

    Attributes:
        rates: The learning rate of each step, rising.
        losses: The smoothed loss at each.
        chosen: The rate to train with at most.
    """

    rates: list[float]
    losses: list[float]
    chosen: float


def find_rate(model: keras.Model, batches: Iterable[tuple[tf.Tensor, tf.Tensor]]) -> RateCurve:
    """Trains for 200 steps at most at rising rates, and forgets what was learned.

    The loss falls the faster the higher the rate, until it does not any more. Chosen is a tenth of
    the rate at which the smoothed loss is lowest.

    Args:
        model: Compiled with an optimizer whose learning rate can be set; its variables are the same
            afterwards, its optimizer's are not.
        batches: Inputs and targets, of at least `STEPS` batches.

    Returns:
        The curve and the choice.
    """
    before = [variable.numpy() for variable in model.variables]
    rates = np.geomspace(LOWEST, HIGHEST, STEPS)
    losses: list[float] = []
    average = 0.0
    for step, (rate, (inputs, targets)) in enumerate(zip(rates, batches, strict=False), start=1):
        model.optimizer.learning_rate = rate
        model.reset_metrics()  # Otherwise the loss is the mean of all steps so far.
        loss = float(model.train_on_batch(inputs, targets, return_dict=True)["loss"])
        average = _SMOOTHING * average + (1 - _SMOOTHING) * loss
        smoothed = average / (1 - _SMOOTHING**step)
        if not np.isfinite(smoothed) or (losses and smoothed > _EXPLODED * min(losses)):
            break
        losses.append(smoothed)
    for variable, value in zip(model.variables, before, strict=True):
        variable.assign(value)
    tested = rates[: len(losses)].tolist()
    return RateCurve(tested, losses, tested[int(np.argmin(losses))] / _BELOW_LOWEST)
