"""Metrics for TensorFlow Model Analysis that see all clips of a slice at once.

The true labels, scores and decisions of every clip are kept, so that metrics are exact. TFMA's own
AUC and average precision sort scores into bins, and the scores of a confident model fall into few
bins. TFMA's AUC also takes some hundred microseconds per clip, class and slice, and its Keras
metrics take tens of milliseconds per slice; these metrics take tens of microseconds per clip.
There may be hundreds of slices, such as speakers. A clip takes six bytes of memory per class.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma

_KEPT = "_scored_clips"  # TFMA omits names with an underscore from the results.
_Clip = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class ScoredClips:
    """The true labels of clips, and the answers of a model.

    Attributes:
        truth: True labels, bool [clips, classes].
        scores: Scores, float32 [clips, classes].
        decisions: Predicted labels, bool [clips, classes].
    """

    truth: np.ndarray
    scores: np.ndarray
    decisions: np.ndarray


@dataclass(frozen=True)
class MetricValues:
    """Values of metrics by name.

    Attributes:
        overall: Values over all classes, without metrics that are undefined for the clips.
        by_class: Values by class, float64 [classes], NaN for a class without clips. TFMA receives
            only the values that are defined, so that a slice of few clips has few values.
    """

    overall: dict[str, float]
    by_class: dict[str, np.ndarray] = field(default_factory=dict)


MetricFunction = Callable[[ScoredClips], MetricValues]


class ClipMetric(tfma.metrics.Metric):
    """A metric that is a function of all clips.

    Args:
        compute: Function that computes the metric; it may omit undefined values.
        name: Name of the value to which thresholds apply.
        config: Further arguments of the subclass.
    """

    def __init__(self, compute: MetricFunction, name: str, **config: Any):
        self.compute = compute
        create = functools.partial(_computations, compute)
        super().__init__(create, name=name, **config)


def mean_over_classes(values: dict[str, np.ndarray]) -> dict[str, float]:
    """Averages each metric over the classes for which it is not NaN; omits one without any."""
    defined = {name: by_class[~np.isnan(by_class)] for name, by_class in values.items()}
    return {name: float(part.mean()) for name, part in defined.items() if len(part)}


def _computations(
    compute: MetricFunction,
    name: str,
    model_names: Iterable[str] = ("",),
    output_names: Iterable[str] = ("",),
    example_weighted: bool = False,
    **_: object,
) -> list[Any]:
    computations = []
    for model_name in model_names:
        for output_name in output_names:
            key = tfma.metrics.MetricKey(
                name=name,
                model_name=model_name,
                output_name=output_name,
                example_weighted=example_weighted,
            )
            kept = key._replace(name=_KEPT)
            # Every metric requests the clips; TFMA computes equal requests only once.
            computations += [
                tfma.metrics.MetricComputation(
                    keys=[kept],
                    preprocessors=[_ReadClip(model_name)],
                    combiner=_KeepClips(kept),
                ),
                tfma.metrics.DerivedMetricComputation(
                    keys=[key], result=functools.partial(_derive, compute, key, kept)
                ),
            ]
    return computations


def _derive(
    compute: MetricFunction,
    key: tfma.metrics.MetricKey,
    kept: tfma.metrics.MetricKey,
    metrics: dict[tfma.metrics.MetricKey, Any],
) -> dict[tfma.metrics.MetricKey, float]:
    measured = compute(metrics[kept])
    by_class = {
        key._replace(name=name, sub_key=tfma.metrics.SubKey(class_id=c)): float(values[c])
        for name, values in measured.by_class.items()
        for c in np.flatnonzero(~np.isnan(values)).tolist()
    }
    return {key._replace(name=name): float(v) for name, v in measured.overall.items()} | by_class


class _ReadClip(tfma.metrics.Preprocessor):
    """Extracts the kept values of a clip, once for all slices."""

    def __init__(self, model_name: str):
        super().__init__(name=f"read_clip:{model_name}")
        self._model_name = model_name

    def process(self, extracts: dict[str, Any]) -> Iterator[_Clip]:
        answer, label = extracts[tfma.PREDICTIONS_KEY], extracts[tfma.LABELS_KEY]
        if self._model_name:
            answer, label = answer[self._model_name], label[self._model_name]
        scores = np.asarray(answer["scores"], np.float32).ravel()
        label = np.asarray(label)
        if np.issubdtype(label.dtype, np.integer):  # -1 stands for no class.
            truth = np.arange(len(scores)) == label.item()
        else:
            truth = label.ravel() > 0
        yield truth, scores, np.asarray(answer["decisions"], bool).ravel()


class _KeepClips(beam.CombineFn):
    """Gathers clips."""

    def __init__(self, key: tfma.metrics.MetricKey):
        self._key = key

    def create_accumulator(self) -> list[_Clip]:
        return []

    def add_input(self, accumulator: list[_Clip], clip: _Clip) -> list[_Clip]:
        accumulator.append(clip)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[list[_Clip]]) -> list[_Clip]:
        return [clip for accumulator in accumulators for clip in accumulator]

    def extract_output(self, accumulator: list[_Clip]) -> dict[tfma.metrics.MetricKey, ScoredClips]:
        truth, scores, decisions = (np.stack(column) for column in zip(*accumulator, strict=True))
        # Beam gathers in any order, and resampled metrics depend on the order.
        order = np.lexsort(np.concatenate([truth, scores], axis=1).T)
        return {self._key: ScoredClips(truth[order], scores[order], decisions[order])}
