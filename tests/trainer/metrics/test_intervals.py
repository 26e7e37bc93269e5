"""Intervals against a plain bootstrap: one resample at a time, and every metric anew."""

from collections.abc import Callable

import numpy as np
import pytest
from metric_cases import one_label, several_labels
from scipy.stats import binomtest

from trainer.metrics import intervals
from trainer.metrics.clip_metrics import ScoredClips
from trainer.metrics.intervals import bootstrap_intervals, wilson_interval
from trainer.metrics.lwlrap import lwlrap
from trainer.metrics.ranking import areas_under_curve, average_precisions

RESAMPLES = 2000
Metric = Callable[[ScoredClips], float]


def f1(clips: ScoredClips) -> float:
    both = (clips.truth & clips.decisions).sum(axis=0)
    total = clips.truth.sum(axis=0) + clips.decisions.sum(axis=0)
    there = clips.truth.any(axis=0)
    return float((2 * both[there] / total[there]).mean())


COMMON: dict[str, Metric] = {
    "mean_average_precision": lambda c: np.nanmean(average_precisions(c.truth, c.scores)),
    "auc": lambda c: np.nanmean(areas_under_curve(c.truth, c.scores)),
    "macro_f1": f1,
}
METRICS: dict[bool, dict[str, Metric]] = {
    False: COMMON,
    True: {
        "lwlrap": lambda c: lwlrap(c.truth, c.scores),
        "hamming_loss": lambda c: (c.truth != c.decisions).mean(),
        "label_accuracy": lambda c: (c.truth == c.decisions).mean(),
        "exact_match": lambda c: (c.truth == c.decisions).all(axis=1).mean(),
        **COMMON,
    },
}


def plain_bootstrap(clips: ScoredClips, metrics: dict[str, Metric]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    values: dict[str, list[float]] = {name: [] for name in metrics}
    for _ in range(RESAMPLES):
        drawn = rng.integers(len(clips.truth), size=len(clips.truth))
        resample = ScoredClips(clips.truth[drawn], clips.scores[drawn], clips.decisions[drawn])
        for name, metric in metrics.items():
            values[name].append(metric(resample))
    return {name: np.percentile(v, [2.5, 97.5]) for name, v in values.items()}


@pytest.mark.parametrize("multi_label", [False, True])
def test_agrees_with_a_plain_bootstrap(multi_label: bool) -> None:
    clips = (several_labels if multi_label else one_label)(clips=160)
    expected = plain_bootstrap(clips, METRICS[multi_label])
    found = bootstrap_intervals(clips, multi_label=multi_label)
    assert set(found) == set(expected)
    for name, bounds in expected.items():
        # Percentiles of 2,000 draws are this sure.
        assert found[name] == pytest.approx(bounds, abs=0.07 * np.ptp(bounds) + 1e-6), name
        assert 0 <= found[name][0] <= found[name][1] <= 1


def test_other_draws_give_nearly_the_same() -> None:
    clips = several_labels(clips=160)
    first, second = (bootstrap_intervals(clips, multi_label=True, seed=seed) for seed in (1, 2))
    assert first != second
    for name, bounds in first.items():
        assert second[name] == pytest.approx(bounds, abs=0.1 * np.ptp(bounds)), name
    assert bootstrap_intervals(clips, multi_label=True, seed=1) == first


def test_a_perfect_model_is_bound_to_be_perfect() -> None:
    truth = several_labels(clips=50).truth
    found = bootstrap_intervals(
        ScoredClips(truth, truth.astype(np.float32), truth), multi_label=True
    )
    assert found["auc"] == found["mean_average_precision"] == found["macro_f1"] == (1, 1)
    assert found["hamming_loss"] == (0, 0)


def test_few_clips_have_no_interval() -> None:
    assert bootstrap_intervals(several_labels(clips=20), multi_label=True)
    assert bootstrap_intervals(several_labels(clips=19), multi_label=True) == {}


def test_means_over_classes_need_a_clip_for_each_class() -> None:
    clips, classes = 60, 60
    enough = bootstrap_intervals(several_labels(clips=clips, classes=classes), multi_label=True)
    assert set(enough) == set(METRICS[True])
    fewer = bootstrap_intervals(several_labels(clips=clips - 1, classes=classes), multi_label=True)
    assert set(fewer) == set(METRICS[True]) - set(COMMON)


def test_many_clips_have_narrow_intervals() -> None:
    few, many = (several_labels(clips=clips) for clips in (100, 10_000))
    wide, narrow = (bootstrap_intervals(clips, multi_label=True) for clips in (few, many))
    for name in wide:
        assert np.ptp(narrow[name]) < np.ptp(wide[name]) / 4, name


def test_accuracies_have_wilsons_interval() -> None:
    # scipy.stats.binomtest is another implementation.
    for hits, total in ((0, 7), (7, 7), (77, 77), (3, 10), (141, 162)):
        expected = binomtest(hits, total).proportion_ci(method="wilson")
        found = wilson_interval(np.arange(total) < hits)
        assert found == pytest.approx((expected.low, expected.high), abs=1e-6)
    assert wilson_interval(np.ones(77, bool))[0] < 0.96  # 77 of 77 are no proof of perfection.


def test_even_few_clips_have_an_interval_of_accuracy() -> None:
    values = intervals._intervals(one_label(clips=7), multi_label=False).overall
    assert values.keys() == {
        f"{name}_{bound}" for name in ("accuracy", "top_5_accuracy") for bound in ("low", "high")
    }
    assert values["accuracy_low"] < values["accuracy_high"]
