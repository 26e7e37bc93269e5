"""Standardisation and principal components, the first steps of a classical head."""

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from schema.config.classical_head_settings import ReductionSettings
from trainer.clips.feature_file import Features, row_blocks
from trainer.clips.training_sample import component_dtype
from trainer.heads.dense import MAX_DEVIATIONS
from trainer.heads.fitted_arrays import fitted_variable

_CLIPS_A_COMPONENT = 2
"""Minimum number of clips per component. With as many whitened directions as clips, all clips are
equally far from each other."""

_LEAST_VARIANCE = 1e-6
"""Minimum variance of a component, as a share of the first one's. Lower variances are noise of
float32 features, which whitening would amplify."""

_PCA_ARRAYS = ("mean_", "components_", "explained_variance_")


def fit_reduction(
    features: Features, sample: np.ndarray, settings: ReductionSettings, seed: int
) -> Pipeline:
    """Fits the steps that the settings ask for.

    Args:
        features: float32 [clips, D], which are read a block at a time.
        sample: Numbers of the clips that the components are fitted on; the scale is that of all.
        settings: Settings that select the steps.
        seed: Seed of the randomised decomposition, which large data gets.

    Returns:
        A pipeline from float64 [clips, D] to float64 [clips, D'], with the steps `standardise` and
        `bound`, and `pca`, as selected; the step `none` if none is.
    """
    steps: list[tuple[str, object]] = []
    if settings.standardise:
        scaler = StandardScaler()
        for block in row_blocks(features):
            scaler.partial_fit(block.astype(np.float64))
        bounds = {"a_min": -MAX_DEVIATIONS, "a_max": MAX_DEVIATIONS}
        steps = [
            ("standardise", scaler),
            ("bound", FunctionTransformer(np.clip, kw_args=bounds)),
        ]
    if settings.pca is not None:
        dtype = component_dtype(features.shape[1])
        standard = reduce_rows(_pipeline(steps), features, sample, dtype)
        steps.append(("pca", _fit_pca(standard, settings.pca, seed)))
    return _pipeline(steps)


def reduce_rows(
    reduction: Pipeline, features: Features, rows: np.ndarray, dtype: npt.DTypeLike = np.float64
) -> np.ndarray:
    """Reduces clips a block at a time.

    Args:
        reduction: Fitted steps.
        features: float32 [all, D].
        rows: Numbers of the clips.
        dtype: Type of the result.

    Returns:
        The reduced features, [clips, D'].
    """
    result = np.empty([0, 0], dtype)
    begin = 0
    for block in row_blocks(features, rows):
        reduced = reduction.transform(block.astype(np.float64))
        if not begin:
            result = np.empty([len(rows), reduced.shape[1]], dtype)
        result[begin : begin + len(block)] = reduced
        begin += len(block)
    return result


def _pipeline(steps: list[tuple[str, object]]) -> Pipeline:
    return Pipeline(steps or [("none", "passthrough")])


def _fit_pca(features: np.ndarray, at_most: int, seed: int) -> PCA:
    """Fits whitened components; fewer than `at_most` if the data does not support them."""
    clips, size = features.shape
    count = max(1, min(at_most, size, clips // _CLIPS_A_COMPONENT))
    pca = PCA(count, whiten=True, random_state=seed).fit(features)
    variances = pca.explained_variance_
    borne = max(1, int((variances > _LEAST_VARIANCE * variances[0]).sum()))
    if borne < count:
        pca = PCA(borne, whiten=True, random_state=seed).fit(features)
    for name in _PCA_ARRAYS:  # Clips are reduced in float64, by scikit-learn and by the server.
        setattr(pca, name, getattr(pca, name).astype(np.float64))
    return pca


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
                for name in _PCA_ARRAYS
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
