"""Finding a learning rate."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.fitting.objective import Objective
from trainer.fitting.rate_finder import HIGHEST_RATE, LOWEST_RATE, NUM_RATES, find_rate
from trainer.fitting.training_steps import TrainingSteps
from vggish.errors import ConfigError


def regression(scale: float) -> tuple[keras.Model, TrainingSteps, tf.data.Dataset]:
    """A linear model; it diverges at a rate that falls with the square of its features' scale."""
    rng = np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input([5]), keras.layers.Dropout(0.1), keras.layers.Dense(1)])
    optimizer = keras.optimizers.SGD(LOWEST_RATE)
    optimizer.build(model.trainable_variables)
    steps = TrainingSteps(model, optimizer, Objective(keras.losses.mean_squared_error, []))
    inputs = (scale * rng.normal(size=(NUM_RATES, 16, 5))).astype("f")
    targets = inputs @ rng.normal(size=(5, 1)).astype("f")
    return model, steps, tf.data.Dataset.from_tensor_slices((inputs, targets))


def test_rate_falls_with_the_curvature() -> None:
    chosen = {}
    for scale in (2, 8):
        model, steps, batches = regression(scale)
        before = [v.numpy() for v in model.variables]
        curve = find_rate(model, steps, batches)
        assert len(curve.rates) == len(curve.losses) < NUM_RATES  # The loss exploded before.
        assert curve.rates[0] == LOWEST_RATE
        assert np.all(np.diff(curve.rates) > 0)
        assert LOWEST_RATE < curve.chosen < HIGHEST_RATE
        for variable, value in zip(model.variables, before, strict=True):
            np.testing.assert_array_equal(variable, value)
        chosen[scale] = curve.chosen
    np.testing.assert_allclose(chosen[2] / chosen[8], 16, rtol=0.5)


def test_loss_that_is_never_finite_is_a_sentence() -> None:
    model, steps, batches = regression(float("nan"))
    with pytest.raises(ConfigError, match="not finite from the first step"):
        find_rate(model, steps, batches)
