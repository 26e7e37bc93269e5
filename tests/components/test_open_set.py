"""How clips of no class are told from those of classes, against scikit-learn and by hand."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import poisson
from sklearn.metrics import roc_auc_score

from components.report.clip_scores import read_clip_scores
from components.report.open_set import auroc, false_alarms, measure_open_set


@pytest.mark.parametrize("seed", range(3))
def test_the_area_is_scikit_learn_s_with_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    known, unknown = np.round(rng.normal(0, 1, 40), 1), np.round(rng.normal(1, 1, 30), 1)
    truth = np.repeat([0, 1], [40, 30])
    expected = roc_auc_score(truth, np.concatenate([known, unknown]))
    assert auroc(known, unknown)["value"] == pytest.approx(expected)


def test_the_interval_covers_the_true_area() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        found = auroc(rng.normal(0, 1, 40), rng.normal(np.sqrt(2), 1, 40))
        low, high = found["interval"]
        covered += low <= 0.8413 <= high  # The standard normal distribution function at 1.
    assert 0.92 < covered / 400 < 0.98


def test_without_a_mistake_there_is_no_interval() -> None:
    assert auroc(np.zeros(5), np.ones(5)) == {"value": 1.0, "interval": None}


def test_false_alarms_have_the_exact_interval_of_a_count() -> None:
    found = false_alarms(3, np.full(1800, 1.0))
    assert (found["hours"], found["per_hour"]) == (0.5, 6.0)
    low, high = (bound * 0.5 for bound in found["interval"])
    assert poisson.sf(2, low) == pytest.approx(0.025)
    assert poisson.cdf(3, high) == pytest.approx(0.025)
    assert false_alarms(0, np.full(3600, 1.0))["interval"] == pytest.approx((0.0, 3.689), abs=1e-3)


def table(**columns: Any) -> pa.Table:
    own = {
        "fname": ["c", "a", "b", "d"],
        "true": ["dog", None, None, "cat"],
        "predicted": ["dog", "dog", None, None],
        "score_dog": [0.9, 0.8, 0.2, 0.3],
        "score_cat": [0.1, 0.1, 0.3, 0.4],
        "seconds": [1.0, 1800.0, 3600.0, 2.0],
    }
    return pa.table(own | columns)


def measured(rows: pa.Table, thresholds: dict[str, float] | None) -> Any:
    return measure_open_set(read_clip_scores(rows, ["dog", "cat"], thresholds), rows)


def test_clips_of_no_class_are_measured_in_the_order_of_their_names() -> None:
    thresholds = {"dog": 0.5, "cat": 0.5}
    found = measured(table(unfamiliarity=[0.1, 0.9, 0.8, 0.2]), thresholds)
    assert (found["known"], found["unknown"]) == (2, 2)
    assert found["auroc"]["score"]["value"] == 0.75
    assert found["auroc"]["unfamiliarity"]["value"] == 1.0
    assert found["false_alarms"]["clips"] == 1
    assert found["false_alarms"]["hours"] == 1.5
    unknown_lengths = table(seconds=[1.0, float("nan"), 2.0, 2.0])
    assert measured(unknown_lengths, thresholds)["false_alarms"] is None


def test_there_is_nothing_to_measure_without_thresholds_or_clips_of_no_class() -> None:
    assert measured(table(), None) is None
    assert measured(table(true=["dog", "cat", "cat", "cat"]), {"dog": 0.5, "cat": 0.5}) is None
    assert measured(table(true=[None] * 4), {"dog": 0.5, "cat": 0.5}) is None
