"""Dense heads, which gradient descent fits on VGGish features."""

import keras
import numpy as np
import tensorflow as tf

from schema.config.model_settings import ModelSettings
from trainer.clips.feature_file import Features, row_blocks
from trainer.heads.pooling import AttentionPooling

_FEW, _MANY = (200, 100), (1024, 1024)
"""Default units of the hidden layers, for at most 100 classes and for more."""

MAX_DEVIATIONS = 5.0
"""Bound of a standardised feature. A feature that rarely fires in training has a tiny deviation,
and would dominate all others in a clip where it fires."""

_SAME = 1e-6
"""Deviation of a feature, as a share of its mean, below which it never changes."""

BATCH_NORM_MOMENTUM = 0.9
"""Momentum of batch normalisation's moving averages. Keras's default of 0.99 needs more steps than
a small data set gives."""


def build_frozen_head(
    settings: ModelSettings, classes: int, train_features: Features
) -> keras.Model:
    """Builds a dense head for features that do not change.

    The head standardises features by the mean and variance of the training split, because VGGish's
    taps differ in scale by orders of magnitude.

    Args:
        settings: Settings of pooling, hidden layers and dropout.
        classes: The number of classes.
        train_features: Pooled features, float32 [clips, D]; for `attention`, features of all
            windows, float32 [windows, D].

    Returns:
        A model from pooled features, float32 [batch, D], or, with `attention`, from what
        `trainer.heads.pooling.pad_windows` returns, to scores, float32 [batch, classes].
    """
    size = train_features.shape[1]
    if settings.pooling != "attention":
        features = keras.Input([size], name="features")
        standard = standardise(features, train_features)
        return keras.Model(features, dense_scores(standard, settings, classes), name="dense_head")
    windows = keras.Input([None, size], name="windows")
    present = keras.Input([None], name="present")
    standard = standardise(windows, train_features)
    pooled = AttentionPooling()(standard, present)
    scores = dense_scores(pooled, settings, classes)
    return keras.Model((windows, present), scores, name="dense_head")


def standardise(features: keras.KerasTensor, train_features: Features) -> keras.KerasTensor:
    """Scales features to mean 0 and deviation 1, clipped to `MAX_DEVIATIONS`; nothing is learned.

    Args:
        features: float32 [batch, ..., D].
        train_features: Source of the mean and variance, float32 [any, D].

    Returns:
        The same shape.
    """
    # In float64, since a long sum of float32 is off by more than the smallest deviations.
    total, squares = np.zeros([2, train_features.shape[1]])
    for block in row_blocks(train_features):
        total += block.sum(axis=0, dtype=np.float64)
        squares += np.einsum("ij,ij->j", block, block, dtype=np.float64)
    mean = total / len(train_features)
    variance = squares / len(train_features) - mean**2
    # A feature that never changes stays 0; float32 sums may differ in its last bits.
    variance[variance <= (_SAME * mean) ** 2] = 1
    # A layer that is not trainable only applies its moving mean and variance. They are variables,
    # so that a later training that continues from this head can restore them.
    layer = keras.layers.BatchNormalization(
        center=False, scale=False, epsilon=0, trainable=False, name="standardise"
    )
    standard = layer(features)
    layer.moving_mean.assign(mean)
    layer.moving_variance.assign(variance)
    return keras.ops.clip(standard, -MAX_DEVIATIONS, MAX_DEVIATIONS)


def hidden_layers(settings: ModelSettings, classes: int) -> tuple[int, ...]:
    """Returns the units of the hidden layers; by default, none is narrower than the classes."""
    if settings.hidden is not None:
        return settings.hidden
    return _FEW if classes <= _FEW[-1] else _MANY


def dense_scores(
    features: keras.KerasTensor, settings: ModelSettings, classes: int
) -> keras.KerasTensor:
    """Adds the layers of a dense head.

    Each hidden layer is Dense, batch normalisation, ReLU and dropout. Without hidden layers, the
    head is linear.

    Args:
        features: float32 [batch, D].
        settings: Settings of hidden layers and dropout.
        classes: The number of classes.

    Returns:
        Scores, float32 [batch, classes]: a softmax for one label, sigmoids for several.
    """
    # Moments of the whole batch, not of a replica's part. One replica alone has a more exact way.
    synchronized = tf.distribute.get_strategy().num_replicas_in_sync > 1
    x = features
    for i, units in enumerate(hidden_layers(settings, classes), start=1):
        x = keras.layers.Dense(units, name=f"hidden_{i}")(x)
        x = keras.layers.BatchNormalization(
            momentum=BATCH_NORM_MOMENTUM, synchronized=synchronized, name=f"batch_norm_{i}"
        )(x)
        x = keras.layers.ReLU(name=f"relu_{i}")(x)
        x = keras.layers.Dropout(settings.dropout, name=f"dropout_{i}")(x)
    activation = "sigmoid" if settings.task in ("multi_label", "open_set") else "softmax"
    return keras.layers.Dense(classes, activation=activation, name="scores")(x)
