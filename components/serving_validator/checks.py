"""The conditions on a model's answers."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from components.evaluation_results import Check
from components.serving_validator.probe_requests import ProbeRequests

_BETWEEN_SIGNATURES = 1e-3
"""Tolerance between signatures: they compute float32 sums in different orders, and a head that
standardises a feature of little spread magnifies the difference."""

_FROM_TRAINING = {"float32": 1e-3, "bfloat16": 5e-2}
"""Tolerance by the precision in which the Trainer's cached features were computed."""


@dataclass(frozen=True)
class Limits:
    """Limits on a model's deviations and costs.

    Attributes:
        compute: Precision of the features that the Trainer read.
        latency_ms: Maximum latency for a one-second clip, in milliseconds; None: no limit.
        memory_mb: Maximum memory, in MiB; None: no limit.
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
        requests: The requests.
        answers: The answers, in the same order.
        measured: The probe's measurements.
        trained: The Trainer's scores by clip id.
        limits: The limits.

    Returns:
        All conditions, met or not.
    """
    by_examples = np.array(answers[0]["scores"])
    known = [i for i, clip_id in enumerate(requests.clip_ids) if clip_id in trained]
    expected = np.array([trained[requests.clip_ids[i]] for i in known])
    foreign = measured["foreign_operations"]
    # Those of the signature `windows` have one more dimension.
    scores = np.concatenate(
        [np.ravel(answer["scores"]) for answer in answers if "scores" in answer]
    )
    in_range = bool(np.all((scores >= 0) & (scores <= 1)))  # NaN fails both.
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
    spread = 0.0
    for group in requests.same_scores:
        ways = [np.concatenate([answers[call]["scores"] for call in calls]) for calls in group]
        spread = max(spread, *(float(np.abs(way - ways[0]).max()) for way in ways))
    return spread


def _at_most(metric: str, value: float, bound: float) -> Check:
    return Check(metric=metric, value=value, bound=f"at most {bound:g}", passed=value <= bound)
