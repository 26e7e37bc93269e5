"""Reading what the Evaluator measured."""

from typing import Any

from components import evaluation_results


def measured(accuracy: float, clips: int) -> dict[str, Any]:
    return {
        "": {
            "accuracy": {"doubleValue": accuracy},
            "example_count": {"doubleValue": clips},
        }
    }


def test_durations_are_in_their_order_and_those_of_another_version_come_last() -> None:
    names = ["over 300 s", "1-3 s", "unknown", "0-0.5 s", "1-2 s"]
    parts = {(("duration", name),): measured(0.5, 3) for name in names}
    slices = evaluation_results._read_slices({(): measured(0.5, 15), **parts}, "accuracy")
    assert [part["value"] for part in slices["duration"]] == [
        "0-0.5 s",
        "1-2 s",
        "over 300 s",
        "unknown",
        "1-3 s",
    ]
