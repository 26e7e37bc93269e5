"""Fitting: the course of the rate, when it stops, and going on after it was cut off."""

import itertools
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator, TensorEvent

from schema.config.model_settings import TrainSettings
from trainer.clips.clip_batches import embedded_eval_batches, embedded_train_batches, one_hot
from trainer.clips.embedded_clips import EmbeddedClips
from trainer.fitting.keras_fitting import FitOptions, FitResult, fit_model
from trainer.fitting.objective import Objective, build_objective
from trainer.fitting.rate_finder import NUM_RATES
from vggish.errors import ConfigError

CLASSES = 3


def clips(count: int, seed: int) -> EmbeddedClips:
    """Classes that overlap, so that a model can learn too much of them."""
    rng = np.random.default_rng(seed)
    targets = np.arange(count) % CLASSES
    features = rng.normal(np.eye(CLASSES, 8)[targets], 1).astype("f")
    return EmbeddedClips(np.array([b"%d" % i for i in range(count)]), features, targets)


def model(seed: int = 0) -> keras.Model:
    keras.utils.set_random_seed(seed)
    layers = [
        keras.Input([8]),
        keras.layers.Dense(16, name="hidden"),
        keras.layers.BatchNormalization(),
        keras.layers.ReLU(),
        keras.layers.Dense(CLASSES, activation="softmax", name="scores"),
    ]
    return keras.Sequential(layers)


def train(
    fitted: keras.Model,
    settings: TrainSettings,
    options: FitOptions | None = None,
    break_at: int | None = None,
) -> FitResult:
    learned, seen = clips(90, seed=1), clips(60, seed=2)
    targets = one_hot(learned.targets, CLASSES)
    objective = build_objective(settings, targets, multi_label=False)
    return fit_model(
        fitted,
        embedded_train_batches(learned, CLASSES, settings.batch_size, settings.seed),
        embedded_eval_batches(seen, CLASSES, 64),
        settings,
        objective if break_at is None else breaking(objective, break_at),
        options,
    )


def weights(fitted: keras.Model) -> list[float]:
    return np.concatenate([w.ravel() for w in fitted.get_weights()]).tolist()


def logged(run: Path, name: str) -> list[TensorEvent]:
    events = EventAccumulator(str(run), size_guidance={"tensors": 0})
    events.Reload()
    return events.Tensors(name)


def test_every_epoch_has_every_clip_once_in_another_order() -> None:
    ten = clips(10, seed=0)
    batches = embedded_train_batches(ten, CLASSES, 4, seed=0)
    epochs = [
        np.concatenate([inputs for inputs, _ in batches(tf.constant(epoch, tf.int64))])
        for epoch in (0, 1, 0)
    ]
    np.testing.assert_array_equal(np.sort(epochs[0], axis=0), np.sort(epochs[1], axis=0))
    assert (epochs[0] != epochs[1]).any()
    np.testing.assert_array_equal(epochs[0], epochs[2])


def test_one_cycle_rises_and_falls_and_is_not_cut_short() -> None:
    course = train(
        model(), TrainSettings(epochs=20, schedule="one_cycle", patience=1, learning_rate=1e-3)
    )
    rates = course.history["learning_rate"]
    assert len(rates) == 20
    assert np.argmax(rates) == 4
    assert max(rates) == pytest.approx(1e-3)
    assert rates[-1] == pytest.approx(0, abs=1e-9)


def test_constant_rate_stops_out_of_patience_with_the_best_weights() -> None:
    fitted = model()
    settings = TrainSettings(epochs=200, schedule="constant", learning_rate=0.03, patience=3)
    history = train(fitted, settings).history
    best = int(np.argmin(history["val_loss"]))
    assert len(history["loss"]) == best + 1 + 3 < 200
    np.testing.assert_allclose(history["learning_rate"], 0.03)
    seen = clips(60, seed=2)
    scores = fitted(seen.features).numpy()
    loss = -np.log(scores[np.arange(60), seen.targets]).mean()
    assert loss == pytest.approx(min(history["val_loss"]), rel=1e-5)


def test_scaled_rate_by_variable() -> None:
    fitted = model()
    before = (
        fitted.get_layer("hidden").get_weights()[0],
        fitted.get_layer("scores").get_weights()[0],
    )
    options = FitOptions(rate_scale=lambda path: 0.0 if path.endswith("hidden/kernel") else 1.0)
    train(fitted, TrainSettings(epochs=2, learning_rate=0.01), options)
    np.testing.assert_array_equal(before[0], fitted.get_layer("hidden").get_weights()[0])
    assert (before[1] != fitted.get_layer("scores").get_weights()[0]).any()


def test_curves_for_tensorboard(tmp_path: Path) -> None:
    settings = TrainSettings(epochs=3, learning_rate=0.01)
    history = train(model(), settings, FitOptions(log_folder=str(tmp_path))).history
    for run, name, key in (
        ("train", "loss", "loss"),
        ("train", "accuracy", "accuracy"),
        ("train", "learning_rate", "learning_rate"),
        ("eval", "loss", "val_loss"),
        ("eval", "accuracy", "val_accuracy"),
    ):
        tensors = logged(tmp_path / run, name)
        assert [event.step for event in tensors] == [0, 1, 2]
        values = [float(tf.make_ndarray(event.tensor_proto)) for event in tensors]
        np.testing.assert_allclose(values, history[key], rtol=1e-6)


def read_over_http(address: str, path: str) -> list:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{address}/{path}") as answer:  # noqa: S310  On localhost.
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:  # The curves are not read yet.
            if error.code != 404 or time.monotonic() > deadline:
                raise
        time.sleep(0.2)


def test_tensorboard_serves_the_curves(tmp_path: Path) -> None:
    history = train(
        model(),
        TrainSettings(epochs=2, learning_rate=0.01),
        FitOptions(log_folder=str(tmp_path / "model_run")),
    ).history
    # As docs/heads.md says.
    command = [Path(sys.executable).with_name("tensorboard"), "--logdir", tmp_path / "model_run"]
    with subprocess.Popen(
        [*command, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            printed = ""
            while (found := re.search(r" at (http://\S+)/ ", printed)) is None:
                line = process.stdout.readline()
                assert line, printed
                printed += line
            path = "data/plugin/scalars/scalars?run=eval&tag=loss"
            points = read_over_http(found[1], path)
        finally:
            process.terminate()
    assert [step for _, step, _ in points] == [0, 1]
    np.testing.assert_allclose([value for *_, value in points], history["val_loss"], rtol=1e-6)


def test_loss_that_explodes_is_refused() -> None:
    settings = TrainSettings(epochs=50, learning_rate=1e30, schedule="constant")
    with pytest.raises(ConfigError, match=r"learning_rate lower"):
        train(model(), settings)


def breaking(objective: Objective, step: int) -> Objective:
    """An objective that fails at a step, those on the eval split included."""
    steps = itertools.count(1)

    def count() -> None:
        if next(steps) == step:
            raise RuntimeError

    def loss(targets: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
        with tf.control_dependencies([tf.py_function(count, [], [])]):
            return objective.loss(targets, scores)

    return Objective(loss, objective.metrics)


@pytest.mark.parametrize(("schedule", "rate"), [("constant", 0.02), ("one_cycle", "auto")])
def test_cut_off_training_ends_like_an_undisturbed_one(
    schedule: str, rate: float | str, tmp_path: Path
) -> None:
    settings = TrainSettings(
        epochs=12, schedule=schedule, learning_rate=rate, batch_size=30, patience=4, mixup=0.2
    )
    undisturbed = model()
    expected = train(undisturbed, settings)

    options = FitOptions(log_folder=str(tmp_path / "logs"), backup_folder=str(tmp_path / "backup"))
    # Four steps an epoch with that on the eval split, two whole epochs each time; a rate is found
    # only once.
    for step in (10 + (NUM_RATES if rate == "auto" else 0), 10):
        with pytest.raises(tf.errors.UnknownError):
            train(model(), settings, options, break_at=step)
        assert (tmp_path / "backup").exists()
    resumed = model()
    course = train(resumed, settings, options)

    assert not (tmp_path / "backup").exists()
    assert course.learning_rate == pytest.approx(expected.learning_rate)
    assert course.history.keys() == expected.history.keys()
    for name, values in expected.history.items():
        np.testing.assert_allclose(course.history[name], values, atol=1e-6, err_msg=name)
    np.testing.assert_allclose(weights(resumed), weights(undisturbed), atol=1e-6)
    steps = [event.step for event in logged(tmp_path / "logs" / "eval", "loss")]
    assert steps == list(range(len(expected.history["loss"])))


def test_other_settings_do_not_go_on_from_a_backup(tmp_path: Path) -> None:
    options = FitOptions(backup_folder=str(tmp_path / "backup"))
    few = {"epochs": 4, "batch_size": 30, "learning_rate": 0.01}
    with pytest.raises(tf.errors.UnknownError):
        train(model(), TrainSettings(**few), options, break_at=6)
    other = TrainSettings(**few, label_smoothing=0.1)
    fresh, resumed = model(), model()
    expected = train(fresh, other).history
    history = train(resumed, other, options).history
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, atol=1e-6, err_msg=name)
