"""Standardisation and principal components, the first steps of a classical head."""

import numpy as np
import tensorflow as tf
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from schema.config.classical_head_settings import ReductionSettings
from trainer.heads.dense import MAX_DEVIATIONS
from trainer.heads.fitted_arrays import fitted_variable

_CLIPS_A_COMPONENT = 2
"""Minimum number of clips per component. With as many whitened directions as clips, all clips are
equally far from each other."""

_LEAST_VARIANCE = 1e-6
"""Minimum variance of a component, as a share of the first one's. Lower variances are noise of
float32 features, which whitening would amplify."""


def fit_reduction(features: np.ndarray, settings: ReductionSettings, seed: int) -> Pipeline:
    """Fits the steps that the settings ask for.

    Args:
        features: float64 [clips, D].
        settings: Settings that select the steps.
        seed: Seed of the randomised decomposition, which large data gets.

    Returns:
        A pipeline from float64 [clips, D] to float64 [clips, D'], with the steps `standardise` and
        `bound`, and `pca`, as selected; the step `none` if none is.
    """
    steps: list[tuple[str, object]] = []
    if settings.standardise:
        bounds = {"a_min": -MAX_DEVIATIONS, "a_max": MAX_DEVIATIONS}
        steps = [
            ("standardise", StandardScaler()),
            ("bound", FunctionTransformer(np.clip, kw_args=bounds)),
        ]
        features = Pipeline(steps).fit_transform(features)
    if settings.pca is not None:
        steps.append(("pca", _fit_pca(features, settings.pca, seed)))
    return Pipeline(steps or [("none", "passthrough")])


def _fit_pca(features: np.ndarray, at_most: int, seed: int) -> PCA:
    """Fits whitened components; fewer than `at_most` if the data does not support them."""
    clips, size = features.shape
    count = max(1, min(at_most, size, clips // _CLIPS_A_COMPONENT))
    pca = PCA(count, whiten=True, random_state=seed).fit(features)
    variances = pca.explained_variance_
    borne = max(1, int((variances > _LEAST_VARIANCE * variances[0]).sum()))
    return pca if borne == count else PCA(borne, whiten=True, random_state=seed).fit(features)


class Reduction(tf.Module):
    """The result of `fit_reduction` in TensorFlow: float64 [batch, D] to float64 [batch, D'].

    Args:
        fitted: Fitted steps.
    """

    def __init__(self, fitted: Pipeline):
        super().__init__(name="reduction")
        steps = fitted.named_steps
        self._scaler = self._pca = None
        if "standardise" in steps:
            scaler = steps["standardise"]
            self._scaler = {
                name: fitted_variable(f"standardise.{name}", getattr(scaler, name))
                for name in ("mean_", "scale_")
            }
        if "pca" in steps:
            self._pca = {
                name: fitted_variable(f"pca.{name}", getattr(steps["pca"], name))
                for name in ("mean_", "components_", "explained_variance_")
            }

    def __call__(self, features: tf.Tensor) -> tf.Tensor:
        """Reduces a batch."""
        if self._scaler:
            standard = (features - self._scaler["mean_"]) / self._scaler["scale_"]
            features = tf.clip_by_value(standard, -MAX_DEVIATIONS, MAX_DEVIATIONS)
        if self._pca:
            centred = features - self._pca["mean_"]
            projected = tf.matmul(centred, self._pca["components_"], transpose_b=True)
            deviation = tf.sqrt(self._pca["explained_variance_"])
            # scikit-learn has the same bound, for the single component of features that never vary.
            features = projected / tf.maximum(deviation, np.finfo(np.float64).eps)
        return features
