"""What is asked of a model's answers."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from components.evaluation_results import Check
from components.serving_validator.probe_requests import ProbeRequests

_BETWEEN_SIGNATURES = 1e-4
"""The ways into one network differ by float32 sums in another order."""

_FROM_TRAINING = {"float32": 1e-3, "bfloat16": 5e-2}
"""The Trainer's scores are of cached features, computed in one of these precisions."""


@dataclass(frozen=True)
class Limits:
    """What a model may differ by and cost.

    Attributes:
        compute: The precision of the features that its Trainer saw.
        latency_ms: Milliseconds for one clip of a second; None: any.
        memory_mb: MiB at the peak; None: any.
    """

    compute: str
    latency_ms: float | None
    memory_mb: float | None


def check_answers(
    requests: ProbeRequests,
    answers: list[dict[str, Any]],
    measured: dict[str, Any],
    trained: dict[str, np.ndarray],
    limits: Limits,
) -> list[Check]:
    """Judges a probe's answers.

    Args:
        requests: What was asked.
        answers: What came back, in the same order.
        measured: What the probe measured.
        trained: The Trainer's own scores by clip id.
        limits: What is allowed.

    Returns:
        Every condition.
    """
    by_examples = np.array(answers[0]["scores"])
    known = [i for i, clip_id in enumerate(requests.clip_ids) if clip_id in trained]
    expected = np.array([trained[requests.clip_ids[i]] for i in known])
    foreign = measured["foreign_operations"]
    scores = np.concatenate([answer["scores"] for answer in answers if "scores" in answer])
    in_range = bool(np.all((scores >= 0) & (scores <= 1)))  # NaN is not.
    checks = [
        Check(
            metric="operations that TensorFlow Serving lacks",
            value=", ".join(foreign) or "none",
            bound="none",
            passed=not foreign,
        ),
        Check(
            metric="served scores",
            value="all" if in_range else "not all",
            bound="all between 0 and 1",
            passed=in_range,
        ),
        _at_most(
            "difference between signatures", _largest_spread(requests, answers), _BETWEEN_SIGNATURES
        ),
        _at_most(
            f"difference from training on {len(known)} clips",
            float(np.abs(by_examples[known] - expected).max(initial=0)),
            _FROM_TRAINING[limits.compute],
        ),
    ]
    if limits.latency_ms is not None:
        checks.append(_at_most("milliseconds a clip", measured["latency_ms"], limits.latency_ms))
    if limits.memory_mb is not None:
        checks.append(_at_most("MiB at the peak", measured["memory_mb"], limits.memory_mb))
    return checks


def _largest_spread(requests: ProbeRequests, answers: list[dict[str, Any]]) -> float:
    ways = [
        np.concatenate([answers[number]["scores"] for number in numbers])
        for numbers in requests.same_scores
    ]
    return float(max(np.abs(way - ways[0]).max() for way in ways))


def _at_most(metric: str, value: float, bound: float) -> Check:
    return Check(metric=metric, value=value, bound=f"at most {bound:g}", passed=value <= bound)
