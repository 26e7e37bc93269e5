"""The objective, against what scikit-learn says of weights and the definitions of the losses."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.utils.class_weight import compute_class_weight

from schema.config.model_settings import TrainSettings
from trainer.clips.clip_batches import embedded_eval_batches, embedded_train_batches, one_hot
from trainer.clips.embedded_clips import EmbeddedClips
from trainer.fitting.keras_fitting import fit_model
from trainer.fitting.objective import build_objective

RNG = np.random.default_rng(0)
SCORES = RNG.dirichlet(np.ones(3), size=8).astype("f")
CLASS_IDS = np.array([0, 0, 0, 0, 0, 1, 1, 2])


def test_losses_of_one_label() -> None:
    targets = one_hot(CLASS_IDS, 3)
    plain = build_objective(TrainSettings(label_smoothing=0), targets, multi_label=False)
    entropy = -np.log(SCORES[np.arange(8), CLASS_IDS])
    np.testing.assert_allclose(plain.loss(targets, SCORES), entropy, rtol=1e-5)

    balanced = build_objective(TrainSettings(balanced=True), targets, multi_label=False)
    weights = compute_class_weight("balanced", classes=np.arange(3), y=CLASS_IDS)
    expected = entropy * weights[CLASS_IDS]
    np.testing.assert_allclose(balanced.loss(targets, SCORES), expected, rtol=1e-5)

    smooth = build_objective(TrainSettings(label_smoothing=0.3), targets, multi_label=False)
    expected = -((targets * 0.7 + 0.1) * np.log(SCORES)).sum(axis=1)
    np.testing.assert_allclose(smooth.loss(targets, SCORES), expected, rtol=1e-5)


def test_losses_of_several_labels() -> None:
    targets = np.array([[1, 0, 1], [0, 0, 1], [1, 0, 1], [1, 1, 1]], "f")
    scores = RNG.uniform(0.1, 0.9, size=(4, 3)).astype("f")
    entropy = -np.where(targets == 1, np.log(scores), np.log(1 - scores))
    plain = build_objective(TrainSettings(), targets, multi_label=True)
    np.testing.assert_allclose(plain.loss(targets, scores), entropy.mean(axis=1), rtol=1e-5)

    balanced = build_objective(TrainSettings(balanced=True), targets, multi_label=True)
    # The last label is on every clip: by the rule, having it weighs a half.
    having, lacking = np.array([4 / 6, 4 / 2, 0.5]), np.array([4 / 2, 4 / 6, 0])
    expected = (entropy * np.where(targets == 1, having, lacking)).mean(axis=1)
    np.testing.assert_allclose(balanced.loss(targets, scores), expected, rtol=1e-5)


@pytest.mark.parametrize("multi_label", [False, True])
def test_balanced_training_finds_more_of_a_rare_class(multi_label: bool) -> None:
    rng = np.random.default_rng(0)

    def draw(rare: int, common: int) -> EmbeddedClips:
        targets = np.repeat([0, 1], [common, rare])
        features = rng.normal(targets[:, np.newaxis] * 0.8, 1, size=(len(targets), 4)).astype("f")
        ids = np.arange(len(targets)).astype("S")
        several = np.stack([np.ones_like(targets), targets], axis=1).astype("f")
        several[::2, 0] = 0  # A first label that tells nothing.
        return EmbeddedClips(ids, features, several if multi_label else targets)

    train, seen, new = draw(30, 570), draw(20, 380), draw(500, 500)
    recall = {}
    for balanced in (False, True):
        settings = TrainSettings(epochs=12, balanced=balanced, learning_rate=0.1)
        activation = "sigmoid" if multi_label else "softmax"
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input([4]), keras.layers.Dense(2, activation=activation)])
        objective = build_objective(settings, one_hot(train.targets, 2), multi_label=multi_label)
        fit_model(
            model,
            embedded_train_batches(train, 2, 64, 0),
            embedded_eval_batches(seen, 2, 256),
            settings,
            objective,
        )
        scores = model(tf.constant(new.features)).numpy()
        found = scores[:, 1] > 0.5
        recall[balanced] = found[500:].mean()
        false = found[:500].mean()
    assert recall[False] < 0.5 < recall[True]
    assert false < 0.4
