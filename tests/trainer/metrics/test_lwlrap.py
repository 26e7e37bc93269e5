"""The metric of multi-label tagging, against its definition spelled out."""

import numpy as np
import pytest
from metric_cases import analyse
from tensorflow_model_analysis.proto.config_pb2 import MetricConfig

from trainer.metrics.clip_metrics import ScoredClips
from trainer.metrics.lwlrap import lwlrap


def by_definition(truth: np.ndarray, scores: np.ndarray) -> tuple[float, dict[int, float]]:
    """The definition, one true label at a time; also by class."""
    precisions: dict[int, list[float]] = {}
    for clip_truth, clip_scores in zip(truth, scores, strict=True):
        ranked = sorted(range(len(clip_scores)), key=lambda c: -clip_scores[c])
        for label in np.flatnonzero(clip_truth):
            retrieved = ranked[: ranked.index(label) + 1]
            hits = sum(float(clip_truth[c]) for c in retrieved)
            precisions.setdefault(int(label), []).append(hits / len(retrieved))
    everything = [p for values in precisions.values() for p in values]
    return float(np.mean(everything)), {c: float(np.mean(v)) for c, v in precisions.items()}


@pytest.fixture
def clips() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = (rng.random([300, 7]) < 0.25).astype("f")  # Some clips have no label at all.
    return truth, rng.permuted(np.tile(np.linspace(0, 1, 7), [300, 1]), axis=1).astype("f")


def test_agrees_with_the_definition(clips: tuple[np.ndarray, np.ndarray]) -> None:
    assert lwlrap(*clips) == pytest.approx(by_definition(*clips)[0], abs=1e-12)


def test_known_values() -> None:
    truth = np.array([[1, 0, 1]])
    assert lwlrap(truth, np.array([[0.9, 0.1, 0.8]])) == 1
    assert lwlrap(truth, np.array([[0.9, 0.8, 0.1]])) == pytest.approx((1 + 2 / 3) / 2)
    assert lwlrap(truth, np.array([[0.5, 0.5, 0.5]])) == pytest.approx(2 / 3)


def test_model_analysis_computes_the_same(clips: tuple[np.ndarray, np.ndarray]) -> None:
    truth, scores = clips
    expected, by_class = by_definition(truth, scores)
    metric = MetricConfig(class_name="Lwlrap", module="trainer.metrics.lwlrap")
    found = analyse(ScoredClips(truth > 0, scores, scores > 0.5), [metric], multi_label=True)
    assert found.pop(("lwlrap", None)) == pytest.approx(expected, abs=1e-9)
    assert {class_id for _, class_id in found} == set(by_class)
    for class_id, value in by_class.items():
        assert found["lwlrap", class_id] == pytest.approx(value, abs=1e-9)


def test_many_classes_are_compared_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.metrics.lwlrap._COMPARISONS_AT_ONCE", 9 * 527)
    rng = np.random.default_rng(1)
    truth, scores = rng.random([60, 527]) < 0.01, rng.random([60, 527])
    assert lwlrap(truth, scores) == pytest.approx(by_definition(truth, scores)[0], abs=1e-12)
