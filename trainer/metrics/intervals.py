"""95% intervals of metrics, over the clips of the test split.

Accuracies are shares of clips, and have Wilson's interval: Wilson (1927), "Probable Inference, the
Law of Succession, and Statistical Inference"; Brown, Cai and DasGupta (2001), "Interval Estimation
for a Binomial Proportion", equation 4. It is right for few clips, and for a model without a mistake
it does not say that there will never be one, as a bootstrap does.

Other metrics have the percentile bootstrap, after Efron and Tibshirani (1993), "An Introduction to
the Bootstrap", section 13.3. TFMA's own intervals are not used. Its bootstrap and its jackknife
have 20 parts and assume a t distribution, so bounds exceed 1 if a metric is near 1. Both also
repeat every metric for each part: the Evaluator took 1.7 and 2.4 times as long on 162 clips. This
bootstrap draws how often each clip occurs, as one matrix for all resamples; a metric is then a few
matrix products and running sums.
"""

import math
from collections.abc import Iterator
from functools import partial

import numpy as np
from scipy.sparse import csr_array

from trainer.metrics import accuracy, decisions, lwlrap, ranking
from trainer.metrics.clip_metrics import ClipMetric, MetricValues, ScoredClips

LOWER_SUFFIX, UPPER_SUFFIX = "_low", "_high"
"""Suffixes of a metric's name for its bounds."""

_LEVEL = 95
_NORMAL_QUANTILE = 1.959964
"""Bound of the central 95% of the standard normal distribution."""

_RESAMPLES = 2000
_LEAST_RESAMPLES = 200
_LEAST_CLIPS = 20
"""Minimum number of clips; resamples of fewer clips are too similar for an interval."""

_SUMMANDS = 3e8
"""Maximum of resamples times clips times classes, which takes some seconds. Large splits have
narrow intervals, and are resampled less often."""

_NUMBERS_AT_ONCE = 2**22


class Intervals(ClipMetric):
    """Intervals of the metrics over all clips for TensorFlow Model Analysis.

    Each metric has two values, with the suffixes `LOWER_SUFFIX` and `UPPER_SUFFIX`. A split of too
    few clips has them for accuracies alone.

    Args:
        multi_label: Whether a clip may have any number of labels.
        name: Name of the intervals together.
    """

    def __init__(self, multi_label: bool, name: str = "intervals"):
        compute = partial(_intervals, multi_label=multi_label)
        super().__init__(compute, name, multi_label=multi_label)


def measure_intervals(clips: ScoredClips, *, multi_label: bool) -> dict[str, tuple[float, float]]:
    """Computes the interval of every metric.

    Args:
        clips: Clips of the split; at least one.
        multi_label: Whether a clip may have any number of labels.

    Returns:
        Lower and upper bound by metric. A split of too few clips has them for accuracies alone.
    """
    bounds = bootstrap_intervals(clips, multi_label=multi_label)
    return bounds if multi_label else bounds | wilson_intervals(clips)


def wilson_intervals(clips: ScoredClips) -> dict[str, tuple[float, float]]:
    """Returns Wilson's intervals of the accuracies.

    Args:
        clips: Clips of the split; at least one.

    Returns:
        Lower and upper bound by metric.
    """
    return {
        accuracy.ACCURACY: wilson_interval(accuracy.top_1_hits(clips)),
        accuracy.TOP_5_ACCURACY: wilson_interval(accuracy.top_5_hits(clips)),
    }


def wilson_interval(hits: np.ndarray) -> tuple[float, float]:
    """Returns Wilson's interval of the share of true values, bool [n]."""
    total, share = len(hits), float(hits.mean())
    spread = _NORMAL_QUANTILE**2 / total
    half = math.sqrt(spread * (share * (1 - share) + spread / 4))
    low, high = ((share + spread / 2 + side * half) / (1 + spread) for side in (-1, 1))
    return max(0.0, low), min(1.0, high)  # Rounding may leave [0, 1].


def bootstrap_intervals(
    clips: ScoredClips, *, multi_label: bool, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Resamples the clips and computes every metric but the accuracies for each resample.

    Means over classes have an interval only if there are as many clips as classes. Resamples of
    fewer lack most classes; and of 527 classes, each a slice, these intervals would take minutes.

    Args:
        clips: Clips of the split.
        multi_label: Whether a clip may have any number of labels.
        seed: Seed of the draws.

    Returns:
        Lower and upper bound by metric; empty if there are too few clips.
    """
    if len(clips.truth) < _LEAST_CLIPS:
        return {}
    shares = _shares(clips, multi_label=multi_label)
    samples: dict[str, list[np.ndarray]] = {}
    for counts in _resample(len(clips.truth), clips.truth.shape[1], seed):
        resampled = {
            name: counts @ part / np.maximum(counts @ whole, 1)
            for name, (part, whole) in shares.items()
        }
        if clips.truth.shape[0] >= clips.truth.shape[1]:
            resampled |= _resampled_ranking(clips, counts)
            resampled[decisions.MACRO_F1] = _resampled_f1(clips, counts)
        for name, values in resampled.items():
            samples.setdefault(name, []).append(values)
    tail = (100 - _LEVEL) / 2
    bounds = {}
    for name, parts in samples.items():
        values = np.concatenate(parts)
        defined = values[~np.isnan(values)]
        if len(defined):
            low, high = np.percentile(defined, [tail, 100 - tail])
            bounds[name] = (float(low), float(high))
    return bounds


def _intervals(clips: ScoredClips, *, multi_label: bool) -> MetricValues:
    bounds = measure_intervals(clips, multi_label=multi_label)
    return MetricValues(
        {name + LOWER_SUFFIX: low for name, (low, _) in bounds.items()}
        | {name + UPPER_SUFFIX: high for name, (_, high) in bounds.items()}
    )


def _shares(clips: ScoredClips, *, multi_label: bool) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Returns the metrics that are one sum over clips divided by another, without accuracies."""
    if not multi_label:
        return {}
    truth = clips.truth
    one = np.ones(len(truth), np.float32)
    wrong = decisions.count_wrong_decisions(clips)
    classes = truth.shape[1]
    precisions = lwlrap.precision_sums(truth, clips.scores)
    return {
        lwlrap.LWLRAP: (precisions.astype(np.float32), truth.sum(axis=1, dtype=np.float32)),
        decisions.HAMMING_LOSS: (wrong.astype(np.float32), classes * one),
        decisions.LABEL_ACCURACY: (classes - wrong.astype(np.float32), classes * one),
        decisions.EXACT_MATCH: ((wrong == 0).astype(np.float32), one),
    }


def _resample(clips: int, classes: int, seed: int) -> Iterator[np.ndarray]:
    """Yields how often each clip was drawn, float32 [resamples, clips], in parts."""
    rng = np.random.default_rng(seed)
    affordable = int(_SUMMANDS / (clips * classes))
    left = min(_RESAMPLES, max(_LEAST_RESAMPLES, affordable))
    while left:
        rows = min(left, max(1, _NUMBERS_AT_ONCE // clips))
        drawn = rng.integers(clips, size=[rows, clips]) + clips * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * clips)
        yield counts.reshape(rows, clips).astype(np.float32)
        left -= rows


def _resampled_ranking(clips: ScoredClips, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Returns mean average precision and AUC of every resample (`trainer.metrics.ranking`)."""
    precisions, areas = [], []
    draws = np.ascontiguousarray(counts.T)
    for c in np.flatnonzero(clips.truth.any(axis=0)):
        precision, area = _class_ranking(clips.truth[:, c], -clips.scores[:, c], draws)
        precisions.append(precision)
        areas.append(area)
    return {
        ranking.MEAN_AVERAGE_PRECISION: _mean_of_defined(precisions, len(counts)),
        ranking.AUC: _mean_of_defined(areas, len(counts)),
    }


def _class_ranking(
    own: np.ndarray, negated: np.ndarray, draws: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Computes one class's average precision and AUC of every resample, NaN if undefined.

    Only the scores of the class's own clips, its levels, matter; few clips have most classes. So
    the draws are summed from level to level, by a product with a sparse matrix.

    Args:
        own: Whether a clip is of the class, bool [clips].
        negated: Negated scores, [clips].
        draws: How often each clip was drawn, float32 [clips, resamples].
    """
    levels = np.unique(negated[own])
    level = np.searchsorted(levels, negated)  # The highest level that a clip reaches.
    at_level = levels[np.minimum(level, len(levels) - 1)] == negated
    hits_at = _sum_by_level(level[own], draws[own], len(levels))
    all_at = _sum_by_level(level[at_level], draws[at_level], len(levels))
    hits = np.cumsum(hits_at, axis=0)
    as_high = np.cumsum(_sum_by_level(level, draws, len(levels) + 1)[:-1], axis=0)
    misses_above = (as_high - hits) - (all_at - hits_at) / 2  # Equal scores count one half.
    own_drawn, drawn = hits[-1], draws.sum(axis=0)
    with np.errstate(invalid="ignore"):  # 0/0 is undefined.
        precision = (hits_at * hits / np.maximum(as_high, 1)).sum(axis=0)
        pairs = (hits_at * misses_above).sum(axis=0, dtype=np.float64)
        return precision / own_drawn, 1 - pairs / (own_drawn * (drawn - own_drawn))


def _sum_by_level(level: np.ndarray, draws: np.ndarray, levels: int) -> np.ndarray:
    """Sums the draws of the clips at each level, float32 [levels, resamples]."""
    ones = np.ones(len(level), np.float32)
    places = (level, np.arange(len(level)))
    sums: np.ndarray = csr_array((ones, places), shape=(levels, len(level))) @ draws
    return sums


def _resampled_f1(clips: ScoredClips, counts: np.ndarray) -> np.ndarray:
    hits = counts @ (clips.truth & clips.decisions).astype(np.float32)
    support, decided = (counts @ m.astype(np.float32) for m in (clips.truth, clips.decisions))
    return _mean_of_defined(list(decisions.f1_scores(hits, support, decided).T), len(counts))


def _mean_of_defined(by_class: list[np.ndarray], resamples: int) -> np.ndarray:
    values = np.array(by_class).reshape(-1, resamples)
    defined = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(defined, values, 0).sum(axis=0) / defined.sum(axis=0)
