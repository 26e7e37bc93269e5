"""How unfamiliar a clip is: the relative Mahalanobis distance to the training clips.

After Ren et al. (2021), "A simple fix to Mahalanobis distance for improving near-OOD detection",
arXiv:2106.09022, equation 3: the distance to the nearest class, less the distance to all clips
together, so that what is unusual in every class does not count. The features are whitened first, so
that the second is the distance to 0. The covariance within classes is shrunk as by Ledoit and
Wolf (2004), "A well-conditioned estimator for large-dimensional covariance matrices".
"""

import numpy as np
import tensorflow as tf
from sklearn.covariance import LedoitWolf

from schema.config.classical_head_settings import ReductionSettings
from schema.config.model_settings import Pooling
from trainer.clips.embedded_clips import EmbeddedClips
from trainer.heads.fitted_arrays import fitted_variable
from trainer.heads.pooling import pool_windows
from trainer.heads.reduction import Reduction, fit_reduction

_MOST_CLIPS = 5_000
"""Maximum number of clips that it is fitted to, which take 0.1 MB each."""

_MOST_COMPONENTS = 256

_FAR = 95
"""Percentile of the eval clips whose unfamiliarity is 1."""


class Unfamiliarity(tf.Module):
    """Tells how far clips are from the classes.

    Args:
        reduction: Module from features, float64 [batch, D], to whitened ones [batch, D'].
        means: Mean of each class, float64 [classes, D'].
        precision: Inverse of the covariance within classes, float64 [D', D'].
        pooling: Fixed method of pooling.

    Attributes:
        scale: The distances that become 0 and 1, float64 [2].
    """

    def __init__(
        self, reduction: Reduction, means: np.ndarray, precision: np.ndarray, pooling: Pooling
    ):
        super().__init__(name="unfamiliarity")
        self._reduction = reduction
        self._means = fitted_variable("unfamiliarity.means", means)
        self._precision = fitted_variable("unfamiliarity.precision", precision)
        self._pooling = pooling
        self.scale = tf.Variable([0.0, 1.0], trainable=False, dtype=tf.float64, name="scale")

    def __call__(self, embedding: tf.RaggedTensor) -> tf.Tensor:
        """Measures clips.

        Args:
            embedding: Features, ragged float32 [batch, n, D].

        Returns:
            float32 [batch, 1]; 0 of a typical eval clip, more than 1 of what is stranger than 95%
            of them.
        """
        distances = self.distances(pool_windows(embedding, self._pooling))
        low, high = tf.unstack(self.scale)
        return tf.cast((distances - low) / (high - low), tf.float32)[:, tf.newaxis]

    def distances(self, pooled: tf.Tensor) -> tf.Tensor:
        """Returns the relative distances of pooled features [batch, k D], float64 [batch]."""
        reduced = self._reduction(tf.cast(pooled, tf.float64))
        from_means = reduced[:, tf.newaxis] - self._means
        weighted = tf.einsum("bcd,de->bce", from_means, self._precision)
        nearest = tf.reduce_min(tf.reduce_sum(weighted * from_means, axis=2), axis=1)
        return nearest - tf.reduce_sum(reduced**2, axis=1)


def fit_unfamiliarity(
    train: EmbeddedClips, evaluation: EmbeddedClips, pooling: Pooling, seed: int
) -> Unfamiliarity:
    """Fits it to the clips that have a class.

    Args:
        train: Training clips, with targets of ones and zeros; a clip has at most one class.
        evaluation: Eval clips, which decide what is typical.
        pooling: Pooling of the model. The pooling `attention` is fitted with the head, so here the
            mean stands for it.
        seed: Seed of the choice of clips, if there are many, and of the decomposition.

    Returns:
        The measure.
    """
    known = _some_known(train, seed)
    features = _pooled(known)
    settings = ReductionSettings(pca=_MOST_COMPONENTS)
    reduction = fit_reduction(features, np.arange(len(features)), settings, seed)
    reduced = reduction.transform(features.astype(np.float64))
    _, classes = np.unique(known.targets.argmax(axis=1), return_inverse=True)
    means = np.stack([reduced[classes == c].mean(axis=0) for c in range(classes.max() + 1)])
    within = LedoitWolf(assume_centered=True).fit(reduced - means[classes])
    fixed: Pooling = "mean" if pooling == "attention" else pooling
    measure = Unfamiliarity(Reduction(reduction), means, within.precision_, fixed)
    typical = _some_known(evaluation, seed)
    if len(typical.targets):
        low, high = np.percentile(measure.distances(_pooled(typical)).numpy(), [50, _FAR])
        measure.scale.assign([low, high if high > low else low + 1])
    return measure


def _some_known(clips: EmbeddedClips, seed: int) -> EmbeddedClips:
    """Chooses among the clips that have a class, if they are many."""
    known = np.flatnonzero(clips.targets.any(axis=1))
    if len(known) > _MOST_CLIPS:
        known = np.sort(np.random.default_rng(seed).choice(known, _MOST_CLIPS, replace=False))
    return clips.of(known)


def _pooled(clips: EmbeddedClips) -> np.ndarray:
    """Returns one row of features a clip, float32 [clips, D]; of windows, their mean."""
    rows = clips.features[:]
    if clips.windows is None:
        return rows
    begins, lengths = clips.windows.T
    return np.add.reduceat(rows, begins) / lengths[:, np.newaxis].astype(np.float32)
