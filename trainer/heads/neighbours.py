"""k nearest neighbours."""

from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import normalize

from schema.config.classical_head_settings import KnnSettings
from trainer.heads.fitted_arrays import fitted_variable
from trainer.heads.rbf_svm import squared_distances
from vggish.errors import ConfigError


class NeighbourShares(tf.Module):
    """Scores each label by the share of the nearest training clips that have it.

    If several training clips tie for the last place, the first ones count.

    Args:
        features: Features of the training clips, float64 [clips, D], of unit length for `cosine`.
        labels: Ones and zeros, float64 [clips, classes].
        neighbours: Number of neighbours.
        metric: `cosine` or `euclidean`.
    """

    def __init__(self, features: np.ndarray, labels: np.ndarray, neighbours: int, metric: str):
        super().__init__(name="knn")
        self._features = fitted_variable("classifier.features", features)
        self._labels = fitted_variable("classifier.labels", labels)
        self._neighbours = neighbours
        self._metric = metric

    def __call__(self, features: tf.Tensor) -> tf.Tensor:
        """Scores float64 [batch, D]."""
        if self._metric == "cosine":
            lengths = tf.norm(features, axis=1, keepdims=True)
            near = tf.matmul(
                tf.math.divide_no_nan(features, lengths), self._features, transpose_b=True
            )
        else:
            near = -squared_distances(features, self._features)
        nearest = tf.math.top_k(near, self._neighbours, sorted=False).indices
        return tf.reduce_mean(tf.gather(self._labels, nearest), axis=1)


def fit_knn(
    features: np.ndarray, targets: np.ndarray, settings: KnnSettings, seed: int
) -> tuple[Any, NeighbourShares]:
    """Stores the training clips; the scores are those of `predict_proba`.

    The arguments and the result are those of `linear.fit_logistic_regression`; `seed` is not
    used.

    Raises:
        ConfigError: There are fewer training clips than neighbours.
    """
    del seed
    if settings.neighbours > len(features):
        raise ConfigError(
            f"model.knn.neighbours is {settings.neighbours}, but there are only {len(features)} "
            "training clips; set a lower number."
        )
    fitted = KNeighborsClassifier(
        settings.neighbours, algorithm="brute", metric=settings.metric
    ).fit(features, targets)
    labels = targets if targets.ndim > 1 else np.eye(targets.max() + 1)[targets]
    known = normalize(features) if settings.metric == "cosine" else features
    scores = NeighbourShares(known, labels.astype(np.float64), settings.neighbours, settings.metric)
    return fitted, scores
