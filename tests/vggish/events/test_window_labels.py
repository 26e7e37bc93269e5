"""The labels of windows, worked out by hand."""

import pytest

from vggish.events.detection import Event
from vggish.events.window_labels import label_windows, windows_of


def owl(start: float, end: float, label: str = "owl") -> Event:
    return Event(start, end, label)


def labels(*events: Event, hop: float = 0.96, min_overlap: float = 0.5) -> dict[int, set[str]]:
    found = label_windows(events, hop_seconds=hop, min_overlap=min_overlap)
    return {window: set(of_window) for window, of_window in found.items()}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        # Windows begin at 0, 0.96, 1.92, ... and half of one is 0.48 s.
        (owl(0.0, 0.96), {0: {"owl"}}),
        (owl(0.48, 2.88), {0: {"owl"}, 1: {"owl"}, 2: {"owl"}}),
        (owl(0.49, 2.88), {0: set(), 1: {"owl"}, 2: {"owl"}}),
        (owl(0.49, 2.39), {0: set(), 1: {"owl"}, 2: set()}),
        # Short events: 0.2 of 0.3 s in window 1; half in each; one sample at the edge.
        (owl(0.86, 1.16), {0: set(), 1: {"owl"}}),
        (owl(0.86, 1.06), {0: {"owl"}, 1: {"owl"}}),
        (owl(0.96, 0.97), {1: {"owl"}}),
        # A point is in the window around it, at an edge in the one that begins.
        (owl(1.0, 1.0), {1: {"owl"}}),
        (owl(1.92, 1.92), {2: {"owl"}}),
        (owl(0.0, 0.0), {0: {"owl"}}),
    ],
)
def test_half_of_a_window_or_of_an_event_is_enough(
    event: Event, expected: dict[int, set[str]]
) -> None:
    assert labels(event) == expected


def test_the_window_with_the_most_of_an_event_has_its_label_whatever_the_share() -> None:
    # 0.6, 0.96 and 0.4 s of windows 0 to 2: none is whole but window 1.
    assert labels(owl(0.36, 2.32), min_overlap=1.0) == {0: set(), 1: {"owl"}, 2: set()}
    # 0.3 and 0.4 s: no window is covered, none holds all.
    assert labels(owl(0.66, 1.36), min_overlap=1.0) == {0: set(), 1: {"owl"}}
    # Equal parts: the first.
    assert labels(owl(0.66, 1.26), min_overlap=1.0) == {0: {"owl"}, 1: set()}


def test_windows_that_overlap_share_an_event() -> None:
    # Windows begin at 0, 0.24, 0.48, 0.72, 0.96, ...; the event is 0.9 to 1.2 s.
    assert labels(owl(0.9, 1.2), hop=0.24) == {
        0: set(), 1: {"owl"}, 2: {"owl"}, 3: {"owl"}, 4: {"owl"},
    }  # fmt: skip
    assert windows_of(owl(0.9, 1.2), 0.24) == range(5)


def test_events_of_one_label_add_up_and_overlaps_count_once() -> None:
    # 0.3 and 0.26 s of window 1, which is 0.96 to 1.92 s.
    assert labels(owl(0.0, 1.26), owl(1.66, 3.0))[1] == {"owl"}
    assert labels(owl(0.0, 1.26), owl(1.66, 3.0, "fox"))[1] == set()
    assert labels(owl(0.0, 1.26), owl(0.1, 1.26))[1] == set()


def test_the_seconds_tell_which_label_covers_the_most() -> None:
    (found,) = label_windows(
        [owl(0, 0.6), owl(0.5, 0.96, "fox"), owl(0.9, 0.9, "bat")],
        hop_seconds=0.96,
        min_overlap=0.25,
    ).values()
    assert found == pytest.approx({"owl": 0.6, "fox": 0.46, "bat": 0.0})
