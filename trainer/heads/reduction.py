"""Standardisation and principal components, before any classical head."""

import numpy as np
import tensorflow as tf
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from schema.config.classical_head_settings import ReductionSettings
from trainer.heads.dense import STANDARD_DEVIATIONS
from trainer.heads.fitted_arrays import stored

_CLIPS_A_COMPONENT = 2
"""Whitening as many directions as there are clips makes every clip as far from every other."""

_LEAST_VARIANCE = 1e-6
"""Of a component, as a share of the first one's. Below it there is the noise of float32 features,
which whitening would blow up."""


def fit_reduction(features: np.ndarray, settings: ReductionSettings, seed: int) -> Pipeline:
    """Fits the steps that the settings ask for.

    Args:
        features: float64 [clips, D].
        settings: Which steps.
        seed: Of the randomised decomposition that large data gets.

    Returns:
        From float64 [clips, D] to float64 [clips, D'], with the steps `standardise` and `bound`,
        `pca`, or none.
    """
    steps: list[tuple[str, object]] = []
    if settings.standardise:
        bounds = {"a_min": -STANDARD_DEVIATIONS, "a_max": STANDARD_DEVIATIONS}
        steps = [
            ("standardise", StandardScaler()),
            ("bound", FunctionTransformer(np.clip, kw_args=bounds)),
        ]
        features = Pipeline(steps).fit_transform(features)
    if settings.pca is not None:
        steps.append(("pca", _fit_pca(features, settings.pca, seed)))
    return Pipeline(steps or [("none", "passthrough")])


def _fit_pca(features: np.ndarray, at_most: int, seed: int) -> PCA:
    """Fits whitened components, fewer than asked for where the data does not bear them."""
    clips, size = features.shape
    count = max(1, min(at_most, size, clips // _CLIPS_A_COMPONENT))
    pca = PCA(count, whiten=True, random_state=seed).fit(features)
    variances = pca.explained_variance_
    borne = max(1, int((variances > _LEAST_VARIANCE * variances[0]).sum()))
    return pca if borne == count else PCA(borne, whiten=True, random_state=seed).fit(features)


class Reduction(tf.Module):
    """What `fit_reduction` fitted, in TensorFlow: float64 [batch, D] to float64 [batch, D'].

    Args:
        fitted: The fitted steps.
    """

    def __init__(self, fitted: Pipeline):
        super().__init__(name="reduction")
        steps = fitted.named_steps
        self._scaler = self._pca = None
        if "standardise" in steps:
            scaler = steps["standardise"]
            self._scaler = {
                name: stored(f"standardise.{name}", getattr(scaler, name))
                for name in ("mean_", "scale_")
            }
        if "pca" in steps:
            self._pca = {
                name: stored(f"pca.{name}", getattr(steps["pca"], name))
                for name in ("mean_", "components_", "explained_variance_")
            }

    def __call__(self, features: tf.Tensor) -> tf.Tensor:
        """Reduces a batch."""
        if self._scaler:
            standard = (features - self._scaler["mean_"]) / self._scaler["scale_"]
            features = tf.clip_by_value(standard, -STANDARD_DEVIATIONS, STANDARD_DEVIATIONS)
        if self._pca:
            centred = features - self._pca["mean_"]
            projected = tf.matmul(centred, self._pca["components_"], transpose_b=True)
            deviation = tf.sqrt(self._pca["explained_variance_"])
            # As scikit-learn bounds it, for the one component of features that never vary.
            features = projected / tf.maximum(deviation, np.finfo(np.float64).eps)
        return features
