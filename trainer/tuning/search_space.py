"""The settings that a search tries: random draws from a declared space."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

_Draw = Callable[[np.random.Generator], Any]


def _one_of(*values: Any) -> _Draw:
    return lambda rng: values[rng.integers(len(values))]


def _between(low: float, high: float) -> _Draw:
    """Draws evenly on a logarithmic scale, to two digits, so that a person can read them."""
    return lambda rng: float(f"{math.exp(rng.uniform(math.log(low), math.log(high))):.2g}")


_POOLING = {"model.pooling": _one_of("mean", "mean_max", "mean_std_max")}
_COMPONENTS = _one_of(64, 128, 256, 512)

HEADS = {
    "dense": 0.4,
    "logistic_regression": 0.2,
    "linear_svm": 0.1,
    "rbf_svm": 0.1,
    "linear_discriminant": 0.1,
    "xgboost": 0.1,
}
"""Share of the draws of each head. Random forests and nearest neighbours are left out: on every
data set of docs/heads.md, others were better."""

_SPACE: Mapping[str, Mapping[str, _Draw]] = {
    "dense": {
        **_POOLING,
        "model.hidden": _one_of([], [128], [512], [200, 100], [512, 256], [1024, 512]),
        "model.dropout": _one_of(0.2, 0.35, 0.5, 0.65),
        "train.batch_size": _one_of(32, 64, 128),
        "train.epochs": _one_of(20, 30, 60),
        "train.label_smoothing": _one_of(0.0, 0.05, 0.1),
        "train.mixup": _one_of(0.0, 0.2, 0.4),
    },
    "logistic_regression": {
        **_POOLING,
        "model.logistic_regression.c": _between(0.001, 10),
        "model.logistic_regression.pca": _COMPONENTS,
    },
    "linear_svm": {
        **_POOLING,
        "model.linear_svm.c": _between(0.0005, 1),
        "model.linear_svm.pca": _COMPONENTS,
    },
    "rbf_svm": {
        **_POOLING,
        "model.rbf_svm.c": _between(0.1, 100),
        "model.rbf_svm.pca": _COMPONENTS,
    },
    "linear_discriminant": {
        **_POOLING,
        "model.linear_discriminant.shrinkage": _one_of("auto", 0.05, 0.1, 0.3, 0.6),
        "model.linear_discriminant.pca": _COMPONENTS,
    },
    "xgboost": {
        **_POOLING,
        "model.xgboost.max_depth": _one_of(2, 3, 4, 6),
        "model.xgboost.eta": _between(0.05, 0.4),
        "model.xgboost.colsample_bytree": _one_of(0.1, 0.3, 0.6),
        "model.xgboost.pca": _COMPONENTS,
    },
}


def draw_settings(seed: int, number: int) -> dict[str, dict[str, Any]]:
    """Draws the settings of a trial; they depend on nothing but the seed and its number.

    Args:
        seed: Seed of the search.
        number: Number of the trial.

    Returns:
        The sections `model` and `train`, with the settings that were drawn.
    """
    rng = np.random.default_rng([seed, number])
    head = str(rng.choice(list(HEADS), p=list(HEADS.values())))
    sections: dict[str, dict[str, Any]] = {"model": {"head": head}, "train": {}}
    for key, draw in _SPACE[head].items():
        *path, name = key.split(".")
        section: dict[str, Any] = sections
        for part in path:
            section = section.setdefault(part, {})
        section[name] = draw(rng)
    return sections
