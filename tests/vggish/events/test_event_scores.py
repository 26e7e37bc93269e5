"""Agreement of events, worked out by hand."""

import math

import pytest

from vggish.events.detection import Event
from vggish.events.event_scores import Counts, EventScores


def scores(truth: list[Event], found: list[Event], seconds: float = 10.0) -> EventScores:
    compared = EventScores()
    compared.add(truth, found, seconds)
    return compared


def owl(start: float, end: float) -> Event:
    return Event(start, end, "owl")


def fox(start: float, end: float) -> Event:
    return Event(start, end, "fox")


@pytest.mark.parametrize(
    ("found", "hits"),
    [
        (owl(2.0, 3.0), 1),
        (owl(1.5, 3.5), 1),  # Both are just within half a second.
        (owl(2.5, 2.5), 1),
        (owl(1.49, 3.0), 0),
        (owl(2.0, 3.51), 0),
        (fox(2.0, 3.0), 0),
    ],
)
def test_an_event_is_a_hit_within_the_collar(found: Event, hits: int) -> None:
    assert scores([owl(2.0, 3.0)], [found]).all_events == Counts(1, 1, hits)


def test_the_end_of_a_long_event_may_be_off_by_half_of_it() -> None:
    assert scores([owl(2, 6)], [owl(2, 4)]).all_events.hits == 1
    assert scores([owl(2, 6)], [owl(2, 3.9)]).all_events.hits == 0
    assert scores([owl(2, 4)], [owl(2, 6)]).all_events.hits == 0


def test_as_many_pairs_as_possible_are_made() -> None:
    truth = [owl(2.0, 3.0), owl(2.4, 3.4)]
    # The first fits both true events, the second the first one alone.
    assert scores(truth, [owl(2.2, 3.2), owl(1.6, 2.6)]).all_events == Counts(2, 2, 2)
    assert scores(truth, [owl(2.2, 3.2)] * 3).all_events == Counts(2, 3, 2)
    assert scores(truth[:1], [owl(2.0, 3.0)] * 2).all_events == Counts(1, 2, 1)


def test_segments_have_the_classes_of_any_part_of_them() -> None:
    # Owls are in seconds 0, 1, 4; found in 1, 2, 4. Foxes are in 4; found in none.
    compared = scores([owl(0.9, 1.1), owl(4.0, 5.0), fox(4.5, 4.5)], [owl(1.9, 2.1), owl(4.2, 4.3)])
    assert compared.segments == {"owl": Counts(3, 3, 2), "fox": Counts(1, 0, 0)}
    assert compared.all_segments == Counts(4, 3, 2)
    assert compared.all_segments.f1 == pytest.approx(4 / 7)
    assert compared.segments["owl"].precision == pytest.approx(2 / 3)
    assert compared.segments["fox"].recall == 0
    assert math.isnan(compared.segments["fox"].precision)


def test_false_alarms_touch_no_true_event_of_their_class() -> None:
    compared = scores([owl(2, 3)], [owl(2.9, 9), owl(4, 5), fox(2, 3)], seconds=1800)
    assert compared.false_alarms == {"owl": 1, "fox": 1}
    assert compared.false_alarms_an_hour() == 4
    assert compared.false_alarms_an_hour("owl") == 2


def test_recordings_add_up() -> None:
    compared = EventScores()
    compared.add([owl(1, 2)], [owl(1, 2)], 1800)
    compared.add([owl(1, 2)], [], 1800)
    compared.add([], [owl(5, 6)], 3600)
    assert compared.events == {"owl": Counts(2, 2, 1)}
    assert (compared.seconds, compared.false_alarms_an_hour()) == (7200, 0.5)
    assert compared.all_events.f1 == 0.5


def test_nothing_gives_no_number() -> None:
    nothing = EventScores()
    assert math.isnan(nothing.all_events.f1)
    assert math.isnan(nothing.false_alarms_an_hour())
    assert scores([], []).events == {}
