"""Dense heads: what is learned on top of VGGish features by gradient descent."""

import keras
import numpy as np
import tensorflow as tf

from schema.config.model_settings import ModelSettings
from trainer.heads.pooling import WindowPooling

STANDARD_DEVIATIONS = 5.0
"""How far from its mean a standardised feature is believed. A feature that hardly ever fires in
training has a tiny deviation, and would drown all others in the clip where it does fire."""

MOMENTUM = 0.9
"""Of batch normalisation's moving averages; Keras's 0.99 asks for more steps than a small data set
gives."""


def build_frozen_head(
    settings: ModelSettings, classes: int, train_features: np.ndarray | tf.RaggedTensor
) -> keras.Model:
    """Builds a dense head for features that stay as they are.

    They are standardised by the mean and variance of the training split: the taps of VGGish differ
    in scale by orders of magnitude.

    Args:
        settings: The pooling, the hidden layers and their dropout.
        classes: The number of classes.
        train_features: Pooled ones, float32 [clips, D]; of all windows, ragged [clips, n, D], for
            `attention`.

    Returns:
        A model from pooled features, float32 [batch, D], or, with `attention`, from what
        `trainer.heads.pooling.pad` returns, to scores, float32 [batch, classes].
    """
    if isinstance(train_features, np.ndarray):
        features = keras.Input([train_features.shape[1]], name="features")
        standard = standardise(features, train_features)
        return keras.Model(features, dense_scores(standard, settings, classes), name="dense_head")
    windows = keras.Input([None, train_features.shape[-1]], name="windows")
    present = keras.Input([None], name="present")
    standard = standardise(windows, train_features.flat_values.numpy())
    pooled = WindowPooling(settings.pooling)(standard, present)
    scores = dense_scores(pooled, settings, classes)
    return keras.Model((windows, present), scores, name="dense_head")


def standardise(features: keras.KerasTensor, train_features: np.ndarray) -> keras.KerasTensor:
    """Brings features to mean 0 and deviation 1, within `STANDARD_DEVIATIONS`; nothing is learned.

    Args:
        features: float32 [batch, ..., D].
        train_features: float32 [any, D], to take the mean and variance from.

    Returns:
        The same shape.
    """
    variance = train_features.var(axis=0)
    variance[variance == 0] = 1  # A feature that never fires stays at nought.
    # What is not trainable only applies its moving mean and variance. Being variables, they are
    # found again where another training goes on from this head.
    layer = keras.layers.BatchNormalization(
        center=False, scale=False, epsilon=0, trainable=False, name="standardise"
    )
    standard = layer(features)
    layer.moving_mean.assign(train_features.mean(axis=0))
    layer.moving_variance.assign(variance)
    return keras.ops.clip(standard, -STANDARD_DEVIATIONS, STANDARD_DEVIATIONS)


def dense_scores(
    features: keras.KerasTensor, settings: ModelSettings, classes: int
) -> keras.KerasTensor:
    """Builds the layers of a dense head on top of others.

    Each hidden layer is Dense, batch normalisation, ReLU and dropout; without any, the head is
    linear.

    Args:
        features: float32 [batch, D].
        settings: The hidden layers and their dropout.
        classes: The number of classes.

    Returns:
        Scores, float32 [batch, classes]: a softmax, or, where clips have several labels, a sigmoid
        each.
    """
    x = features
    for i, units in enumerate(settings.hidden, start=1):
        x = keras.layers.Dense(units, name=f"hidden_{i}")(x)
        x = keras.layers.BatchNormalization(momentum=MOMENTUM, name=f"batch_norm_{i}")(x)
        x = keras.layers.ReLU(name=f"relu_{i}")(x)
        x = keras.layers.Dropout(settings.dropout, name=f"dropout_{i}")(x)
    activation = "sigmoid" if settings.task == "multi_label" else "softmax"
    return keras.layers.Dense(classes, activation=activation, name="scores")(x)
