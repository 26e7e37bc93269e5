"""From scores to events, on arrays that are small enough to see the answer."""

import numpy as np
import pytest

from vggish.errors import ConfigError
from vggish.events.detection import (
    Event,
    EventRules,
    active_runs,
    find_events,
    merge_gaps,
    smooth_scores,
    stretch_edges,
    top_classes,
)


def column(*scores: float) -> np.ndarray:
    return np.array(scores, np.float32)[:, np.newaxis]


def found(scores: np.ndarray, duration: float, **rules: object) -> list[tuple[float, float]]:
    """The events of one class, "dog", with windows every 0.48 s and a threshold of 0.5."""
    chosen = EventRules(**rules)  # type: ignore[arg-type]
    events = find_events(scores, {"dog": 0.5}, chosen, hop_seconds=0.48, duration=duration)
    return [(event.start, event.end) for event in events]


def test_windows_speak_for_a_hop_around_their_middle() -> None:
    assert stretch_edges(4, 0.48, 2.4).tolist() == pytest.approx([0, 0.72, 1.2, 1.68, 2.4])
    assert stretch_edges(2, 0.96, 1.92).tolist() == pytest.approx([0, 0.96, 1.92])


@pytest.mark.parametrize("duration", [0.003, 0.5, 0.975])
def test_one_window_speaks_for_all_of_a_short_recording(duration: float) -> None:
    assert stretch_edges(1, 0.48, duration).tolist() == [0.0, duration]


def test_the_last_window_ends_with_the_recording() -> None:
    # The third window begins at 0.96 s, and silence completes it.
    assert found(column(0, 0, 0.9), 1.5) == [(1.2, 1.5)]


def test_an_event_is_a_run_of_windows_above_the_threshold() -> None:
    scores = column(0.1, 0.6, 0.9, 0.4, 0.5, 0.1)
    assert found(scores, 3.36) == [(0.72, 1.68), (2.16, 2.64)]


def test_events_have_label_and_highest_score_and_are_in_order() -> None:
    scores = np.array([[0.6, 0.1], [0.7, 0.9], [0.0, 0.0], [0.0, 0.8]], np.float32)
    least = {"ö": 0.5, "cat": 0.85}
    events = find_events(scores, least, EventRules(), hop_seconds=0.96, duration=3.84)
    assert events == [Event(0.0, 1.92, "ö", 0.7), Event(0.96, 1.92, "cat", 0.9)]


def test_hysteresis_goes_on_in_both_directions() -> None:
    scores = np.array([0.3, 0.35, 0.6, 0.3, 0.1, 0.4, 0.4])
    assert active_runs(scores, 0.5, 0.3) == [(0, 4)]
    assert active_runs(scores, 0.5, 0.5) == [(2, 3)]
    assert found(column(*scores), 3.84, keep_score=0.3) == [(0.0, 2.16)]
    assert found(column(*scores), 3.84, keep_score=0.9) == found(column(*scores), 3.84)


def test_the_median_drops_a_single_window_and_fills_a_single_gap() -> None:
    scores = column(0, 0.9, 0, 0, 0.9, 0.8, 0, 0.9, 0.9)
    smoothed = smooth_scores(scores, 3, "median")[:, 0]
    assert smoothed.tolist() == pytest.approx([0, 0, 0, 0, 0.8, 0.8, 0.8, 0.9, 0.9])


def test_the_mean_of_three_windows_repeats_the_ends() -> None:
    smoothed = smooth_scores(column(0.9, 0, 0.6, 0), 3, "mean")[:, 0]
    assert smoothed.tolist() == pytest.approx([0.6, 0.5, 0.2, 0.2])


def test_smoothing_keeps_classes_apart() -> None:
    scores = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    assert smooth_scores(scores, 3, "median").tolist() == [[1, 0], [1, 0], [1, 0]]
    assert smooth_scores(scores, 1, "median") is scores


def test_gaps_are_closed_up_to_the_limit() -> None:
    edges = stretch_edges(8, 0.48, 4.32)
    runs = [(0, 1), (2, 3), (5, 6)]
    assert merge_gaps(runs, edges, 0.48) == [(0, 3), (5, 6)]
    assert merge_gaps(runs, edges, 0.47) == runs
    assert merge_gaps(runs, edges, 0.96) == [(0, 6)]


def test_durations_select_after_gaps_are_closed() -> None:
    scores = column(0.9, 0, 0.9, 0, 0, 0.9, 0, 0, 0)
    assert found(scores, 4.8, max_gap=0.48, min_duration=0.5) == [(0.0, 1.68)]
    assert found(scores, 4.8, max_gap=0.48, max_duration=0.48) == [(2.64, 3.12)]
    assert len(found(scores, 4.8, min_duration=0.48)) == 3


def test_only_the_top_classes_of_a_window_have_events() -> None:
    scores = np.array([[0.9, 0.8, 0.7], [0.6, 0.7, 0.7]], np.float32)
    assert top_classes(scores, 1).tolist() == [[True, False, False], [False, True, False]]
    assert top_classes(scores, 2).tolist() == [[True, True, False], [False, True, True]]
    least, rules = dict.fromkeys("abc", 0.5), EventRules(top_n=1)
    events = find_events(scores, least, rules, hop_seconds=0.96, duration=1.92)
    assert [event.label for event in events] == ["a", "b"]


def test_without_a_score_above_the_threshold_there_is_no_event() -> None:
    assert found(column(0.1, 0.2, 0.49), 1.92, keep_score=0.1) == []
    assert found(np.zeros((0, 1), np.float32), 0.0) == []


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ({"smooth": 4}, "odd number of windows, not 4; take 5"),
        ({"smooth": 0}, "not 0; take 1"),
        ({"top_n": 0}, "At least 1 class"),
        ({"min_duration": 3.0, "max_duration": 2.0}, "at least 3 and at most 2 seconds"),
    ],
)
def test_rules_that_no_event_can_follow_are_refused(rules: dict, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        EventRules(**rules)
