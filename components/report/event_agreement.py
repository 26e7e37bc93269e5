"""How well the events that a model finds in the test recordings agree with the true ones."""

import collections
import json
import math
import os
from collections.abc import Collection, Mapping, Sequence
from typing import TypedDict

import numpy as np
import tensorflow as tf

from components.annotated_test_set import AnnotatedTestSet
from components.batch_predictor.event_detection import EVENTS_FILE, RECORDINGS_FILE
from components.batch_predictor.recordings import recording_name
from vggish.events.annotation_tables import Annotation, read_annotations
from vggish.events.event_scores import Counts, EventScores

_DRAWS = 1_000
_LEVEL = 0.95
_SEED = 0


class Agreement(TypedDict):
    """The agreement of events; see `EventScores`. A value is None where nothing could be found."""

    true: int
    found: int
    precision: float | None
    recall: float | None
    f1: float | None
    segment_f1: float | None
    false_alarms_an_hour: float | None


class EventAgreement(TypedDict):
    """The agreement in the test recordings, of all classes together and by class.

    `intervals` has the 95% intervals of `f1` and `segment_f1` of all classes over recordings; None
    of fewer than two recordings.
    """

    recordings: int
    hours: float
    all: Agreement
    intervals: dict[str, tuple[float, float] | None]
    by_class: dict[str, Agreement]


def measure_test_events(
    test: AnnotatedTestSet | None, found: str, classes: Collection[str]
) -> EventAgreement | None:
    """Compares the events that were found with the true ones.

    Args:
        test: The test recordings, or None.
        found: Folder of BatchPredictor's `test_events`.
        classes: The model's classes. True events of others count in none.

    Returns:
        The agreement; None without test recordings.
    """
    if test is None or not test.events:
        return None
    seconds, events = _read_found(found)
    by_recording = []
    for path, true in test.events.items():
        name = recording_name(test.root, path)
        scores = EventScores()
        known = [event for event in true if event.label in classes]
        scores.add(known, events[name], seconds[name])
        by_recording.append(scores)
    total = EventScores()
    for scores in by_recording:
        total.include(scores)
    return EventAgreement(
        recordings=len(by_recording),
        hours=total.seconds / 3600,
        all=_agreement(total, None),
        intervals={
            "f1": _interval([scores.all_events for scores in by_recording]),
            "segment_f1": _interval([scores.all_segments for scores in by_recording]),
        },
        by_class={label: _agreement(total, label) for label in sorted(total.events)},
    )


def _read_found(folder: str) -> tuple[dict[str, float], Mapping[str, list[Annotation]]]:
    """Reads the lengths of the recordings in seconds, and their events, by name."""
    with tf.io.gfile.GFile(os.path.join(folder, RECORDINGS_FILE)) as lines:
        heard = [json.loads(line) for line in lines]
    with tf.io.gfile.GFile(os.path.join(folder, EVENTS_FILE), "rb") as file:
        rows = read_annotations(file.read(), EVENTS_FILE)
    events: dict[str, list[Annotation]] = collections.defaultdict(list)
    for row in rows:
        if isinstance(row, Annotation) and row.file is not None:
            events[row.file].append(row)
    return {recording["file"]: recording["seconds"] for recording in heard}, events


def _agreement(scores: EventScores, label: str | None) -> Agreement:
    events = scores.all_events if label is None else scores.events[label]
    segments = scores.all_segments if label is None else scores.segments[label]
    segment_f1 = _number(segments.f1)
    return Agreement(
        true=events.true,
        found=events.found,
        precision=_number(events.precision),
        recall=_number(events.recall),
        f1=_number(events.f1),
        segment_f1=segment_f1,
        false_alarms_an_hour=_number(scores.false_alarms_an_hour(label)),
    )


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _interval(by_recording: Sequence[Counts]) -> tuple[float, float] | None:
    """Returns the interval of F1 over recordings, by 1,000 draws of as many (Efron 1979)."""
    if len(by_recording) < 2:
        return None
    counts = np.array([(of.true, of.found, of.hits) for of in by_recording])
    shares = np.full(len(counts), 1 / len(counts))
    draws = np.random.default_rng(_SEED).multinomial(len(counts), shares, size=_DRAWS)
    true, found, hits = (draws @ counts).T
    with np.errstate(invalid="ignore"):
        f1 = 2 * hits / (true + found)
    if np.isnan(f1).all():
        return None
    low, high = np.nanquantile(f1, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)
