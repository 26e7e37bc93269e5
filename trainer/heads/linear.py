"""Linear classifiers: logistic regression, linear SVM, linear discriminant analysis."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from joblib import parallel_config
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from schema.config.classical_head_settings import (
    LinearDiscriminantSettings,
    LinearSvmSettings,
    LogisticRegressionSettings,
)
from trainer.heads.fitted_arrays import fitted_variable
from vggish.errors import ConfigError


class LinearScores(tf.Module):
    """Scores from one weighted sum of the features per class.

    Args:
        coef: Weights, float64 [classes, D].
        intercept: Intercepts, float64 [classes].
        link: Function from sums to scores, both [batch, classes].
    """

    def __init__(
        self, coef: np.ndarray, intercept: np.ndarray, link: Callable[[tf.Tensor], tf.Tensor]
    ):
        super().__init__(name="linear")
        self._coef = fitted_variable("classifier.coef_", coef)
        self._intercept = fitted_variable("classifier.intercept_", intercept)
        self._link = link

    def __call__(self, features: tf.Tensor) -> tf.Tensor:
        """Scores float64 [batch, D]."""
        return self._link(weighted_sums(features, self._coef, self._intercept))


def weighted_sums(features: tf.Tensor, coef: tf.Tensor, intercept: tf.Tensor) -> tf.Tensor:
    """Computes `features @ coef.T + intercept`.

    The intercept is added as one more weight. For a float64 product followed by a sum, TensorFlow
    would log at every loading that oneDNN cannot fuse them.

    Args:
        features: float64 [batch, D].
        coef: float64 [sums, D].
        intercept: float64 [sums].

    Returns:
        float64 [batch, sums].
    """
    ones = tf.ones_like(features[:, :1])
    weights = tf.concat([coef, intercept[:, tf.newaxis]], axis=1)
    return tf.matmul(tf.concat([features, ones], axis=1), weights, transpose_b=True)


def fit_logistic_regression(
    features: np.ndarray, targets: np.ndarray, settings: LogisticRegressionSettings, seed: int
) -> tuple[Any, LinearScores]:
    """Fits logistic regression; its scores are the probabilities of `predict_proba`.

    Args:
        features: float64 [clips, D].
        targets: Class ids [clips]; or, for several labels, ones and zeros [clips, classes]. Each
            label then gets its own regression.
        settings: Settings of the head.
        seed: Seed of the solver.

    Returns:
        scikit-learn's classifier, and the same in TensorFlow.
    """
    estimator = LogisticRegression(
        C=settings.c,
        max_iter=settings.max_iter,
        class_weight="balanced" if settings.balanced else None,
        random_state=seed,
    )
    return _fit(estimator, features, targets, tf.nn.softmax)


def fit_linear_svm(
    features: np.ndarray, targets: np.ndarray, settings: LinearSvmSettings, seed: int
) -> tuple[Any, LinearScores]:
    """Fits one SVM per class; the scores are the logistic function of `decision_function`.

    The logistic function maps decisions to (0, 1) and keeps their order, both within a clip and
    within a class. The scores are not calibrated probabilities.

    The arguments and the result are those of `fit_logistic_regression`.
    """
    estimator = LinearSVC(
        C=settings.c,
        max_iter=settings.max_iter,
        class_weight="balanced" if settings.balanced else None,
        random_state=seed,
    )
    return _fit(estimator, features, targets, tf.sigmoid)


def fit_linear_discriminant(
    features: np.ndarray, targets: np.ndarray, settings: LinearDiscriminantSettings, seed: int
) -> tuple[Any, LinearScores]:
    """Fits linear discriminant analysis; its scores are the probabilities of `predict_proba`.

    The arguments and the result are those of `fit_logistic_regression`; `seed` is not used.

    Raises:
        ConfigError: There are no more training clips than classes.
    """
    del seed
    shrinkage = settings.shrinkage
    decided = 2 if targets.ndim > 1 else targets.max() + 1
    if len(features) <= decided:
        raise ConfigError(
            f"linear_discriminant needs more training clips than classes, and there are "
            f"{len(features)} clips of {decided} classes; add clips, or set another model.head."
        )
    estimator = LinearDiscriminantAnalysis(
        solver="svd" if shrinkage is None else "lsqr",
        shrinkage=shrinkage,
        priors=np.full(decided, 1 / decided) if settings.balanced else None,
    )
    return _fit(estimator, features, targets, tf.nn.softmax)


def _fit(
    estimator: Any,
    features: np.ndarray,
    targets: np.ndarray,
    link: Callable[[tf.Tensor], tf.Tensor],
) -> tuple[Any, LinearScores]:
    if targets.ndim > 1:
        one_vs_rest = _fit_each_label(estimator, features, targets)
        coef = np.concatenate([one.coef_ for one in one_vs_rest.estimators_])
        intercept = np.concatenate([one.intercept_ for one in one_vs_rest.estimators_])
        return one_vs_rest, LinearScores(coef, intercept, tf.sigmoid)
    fitted = estimator.fit(features, targets)
    coef, intercept = fitted.coef_, fitted.intercept_
    if len(coef) == 1:
        # For two classes, scikit-learn keeps only the second one's decision.
        other = 0.0 if link is tf.nn.softmax else -1.0
        coef = np.concatenate([other * coef, coef])
        intercept = np.concatenate([other * intercept, intercept])
    return fitted, LinearScores(coef, intercept, link)


def _fit_each_label(
    estimator: Any, features: np.ndarray, targets: np.ndarray
) -> OneVsRestClassifier:
    """Fits a classifier per label; logistic regression on every core.

    Two threads in each of its small matrix products take longer than one, and more so beside
    others: 60 labels of 15,500 clips took 6.6 s, 2.8 with one thread, and 1.1 with one on each of
    two cores. The other classifiers copy the features, which so many copies might not fit.
    """
    if not isinstance(estimator, LogisticRegression):
        return OneVsRestClassifier(estimator).fit(features, targets)
    with threadpool_limits(1), parallel_config("threading"), warnings.catch_warnings():
        # SciPy says it of what scikit-learn passes, once a label.
        warnings.filterwarnings("ignore", "Unknown solver options: iprint")
        return OneVsRestClassifier(estimator, n_jobs=-1).fit(features, targets)
