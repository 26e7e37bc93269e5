"""Support-vector machines (SVMs) with a Gaussian kernel, one per class."""

from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC

from schema.config.classical_head_settings import RbfSvmSettings
from trainer.heads.fitted_arrays import fitted_variable
from trainer.heads.linear import weighted_sums


class RbfSvmScores(tf.Module):
    """Logistic functions of the decisions of all classes' SVMs.

    All SVMs learned from the same clips, so the kernel is computed once for each clip that is a
    support vector of any SVM.

    Args:
        support_vectors: Support vectors of all SVMs, float64 [vectors, D].
        dual_coef: Coefficients, float64 [SVMs, vectors]; 0 if a clip does not support an SVM.
        intercept: Intercepts, float64 [SVMs]; a single SVM decides for the second of two classes.
        gamma: Coefficient of the kernel exp(-gamma d^2).
    """

    def __init__(
        self,
        support_vectors: np.ndarray,
        dual_coef: np.ndarray,
        intercept: np.ndarray,
        gamma: float,
    ):
        super().__init__(name="rbf_svm")
        self._support_vectors = fitted_variable("classifier.support_vectors_", support_vectors)
        self._dual_coef = fitted_variable("classifier.dual_coef_", dual_coef)
        self._intercept = fitted_variable("classifier.intercept_", intercept)
        self._gamma = fitted_variable("classifier.gamma", np.array(gamma))

    def __call__(self, features: tf.Tensor) -> tf.Tensor:
        """Scores float64 [batch, D]."""
        kernel = tf.exp(-self._gamma * squared_distances(features, self._support_vectors))
        decisions = weighted_sums(kernel, self._dual_coef, self._intercept)
        if decisions.shape[1] == 1:
            decisions = tf.concat([-decisions, decisions], axis=1)
        return tf.sigmoid(decisions)


def squared_distances(left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Returns the squared Euclidean distances [a, b] between the rows of [a, D] and [b, D]."""
    products = tf.matmul(left, right, transpose_b=True)
    squares = tf.reduce_sum(left**2, axis=1)[:, tf.newaxis] + tf.reduce_sum(right**2, axis=1)
    return tf.maximum(squares - 2 * products, 0)


def fit_rbf_svm(
    features: np.ndarray, targets: np.ndarray, settings: RbfSvmSettings, seed: int
) -> tuple[Any, RbfSvmScores]:
    """Fits one SVM per class; the scores are the logistic function of `decision_function`.

    Each SVM separates one class from the rest. One SVM per pair of classes would not do, because
    votes of pairs hardly rank the clips of a class.

    The arguments and the result are those of `linear.fit_logistic_regression`; `seed` is not
    used.
    """
    del seed
    gamma = settings.gamma
    if gamma == "scale":
        gamma = 1 / (features.shape[1] * (features.var() or 1.0))
    weights = "balanced" if settings.balanced else None
    machine = SVC(C=settings.c, gamma=gamma, class_weight=weights)
    fitted = OneVsRestClassifier(machine).fit(features, targets)
    support = np.unique(np.concatenate([machine.support_ for machine in fitted.estimators_]))
    dual_coef = np.zeros([len(fitted.estimators_), len(support)])
    for row, machine in zip(dual_coef, fitted.estimators_, strict=True):
        row[np.searchsorted(support, machine.support_)] = machine.dual_coef_[0]
    intercept = np.concatenate([machine.intercept_ for machine in fitted.estimators_])
    return fitted, RbfSvmScores(features[support], dual_coef, intercept, gamma)
