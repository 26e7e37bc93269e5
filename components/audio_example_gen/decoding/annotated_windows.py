"""Turns an annotated recording into clips: its windows on a grid, labelled by its events."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components.audio_example_gen.decoding.clip_policies import DecodedClip, is_silent
from components.audio_example_gen.sources.listing import AnnotatedEvent
from components.file_trees.refusals import RefusedError
from components.stratified_groups.hashed_parts import position_of
from schema.config.annotations.annotation_settings import BACKGROUND, AnnotationSettings
from schema.config.ingest_settings import IngestSettings
from vggish.audio.decoding import Sound, open_sound, pcm16_from_samples
from vggish.audio.recording_windows import cut_windows
from vggish.audio.resampled_blocks import resampled_blocks
from vggish.events.window_labels import label_windows, windows_of
from vggish.params import SAMPLE_RATE, WINDOW_SAMPLES, WINDOW_SECONDS

_ROUNDING_SECONDS = 0.1
"""An event may end so much after the recording: tools round, and codecs add silence."""


@dataclass(frozen=True)
class LeftOut:
    """Windows that are no clips.

    Attributes:
        left_out: Number of them.
    """

    left_out: int


def read_annotated_windows(
    path: str,
    clip_id: str,
    events: Sequence[AnnotatedEvent],
    annotations: AnnotationSettings,
    ingest: IngestSettings,
) -> Iterator[DecodedClip | LeftOut]:
    """Reads a recording, and turns its windows into clips.

    A window is left out if it has too little of an event for a label, or only of events that are no
    class; if it has no event and is not drawn as background; or if it has no event and the
    annotations are incomplete. Memory does not grow with the recording.

    Args:
        path: Path of the file.
        clip_id: Id of the file; with the window's start, the seed of the draw.
        events: What is heard when.
        annotations: The grid, and which windows are kept.
        ingest: The resampler, and the seed of the draw.

    Yields:
        The clips of the windows that are kept, and the numbers of others between them.

    Raises:
        AudioError: The recording cannot be heard to its end, or an event is outside of it; some
            clips may have been yielded.
    """
    labels = _Labels(clip_id, events, annotations, ingest.seed)
    windows = samples = 0

    def heard(sound: Sound) -> Iterator[np.ndarray]:
        nonlocal samples
        for block in resampled_blocks(sound, ingest.resampler):
            samples += block.size
            yield block

    with open_sound(path) as sound:
        for some in cut_windows(heard(sound), annotations.hop_samples):
            kept = 0
            for number, window in enumerate(some, start=windows):
                own = labels.of(number)
                if own is not None:
                    kept += 1
                    length = min(samples - number * annotations.hop_samples, WINDOW_SAMPLES)
                    yield _to_clip(window, length, labels.part(number), own, sound)
            windows += len(some)
            yield LeftOut(len(some) - kept)
    for event in events:
        labels.check(event, windows, samples / SAMPLE_RATE)


class _Labels:
    """The labels of a recording's windows."""

    def __init__(
        self,
        clip_id: str,
        events: Sequence[AnnotatedEvent],
        annotations: AnnotationSettings,
        seed: int,
    ):
        self._clip_id = clip_id
        self._annotations = annotations
        self._seed = seed
        self._known = {event.label for event in events if event.known}
        self._covered = label_windows(
            events, hop_seconds=annotations.hop_seconds, min_overlap=annotations.min_overlap
        )

    def part(self, number: int) -> str:
        """Returns the end of a window's name, such as `#t=12.00,12.96`."""
        start = number * self._annotations.hop_seconds
        return f"#t={start:.2f},{start + WINDOW_SECONDS:.2f}"

    def of(self, number: int) -> tuple[str, ...] | None:
        """Returns the labels of a window; None if it is left out."""
        if number not in self._covered:
            return self._background(number)
        covered = self._covered[number]
        labels = sorted(label for label in covered if label in self._known)
        if not labels:
            return None
        return (_most(labels, covered),) if self._annotations.one_label else tuple(labels)

    def _background(self, number: int) -> tuple[str, ...] | None:
        position = position_of(self._clip_id + self.part(number), self._seed)
        if not self._annotations.complete or position >= self._annotations.background:
            return None
        return (BACKGROUND,) if self._annotations.one_label else ()

    def check(self, event: AnnotatedEvent, windows: int, seconds: float) -> None:
        """Refuses an event that is outside of a recording of so many windows and seconds.

        Raises:
            RefusedError: It is.
        """
        inside = (
            event.label in self._covered[number]
            for number in windows_of(event, self._annotations.hop_seconds)
            if number < windows
        )
        if event.end > seconds + _ROUNDING_SECONDS or not any(inside):
            raise RefusedError(
                "wrong_time",
                f"{event.place} is about {event.start:.10g} to {event.end:.10g} s, but the "
                f"recording {self._clip_id} lasts {seconds:.10g} s",
            )


def _most(labels: Sequence[str], covered: Mapping[str, float]) -> str:
    return max(labels, key=lambda label: covered[label])


def _to_clip(
    window: np.ndarray, length: int, part: str, labels: tuple[str, ...], sound: Sound
) -> DecodedClip:
    return DecodedClip(
        part=part,
        pcm=pcm16_from_samples(window),
        source_rate=sound.rate,
        duration=length / SAMPLE_RATE,
        format=sound.format,
        clipped=int(np.count_nonzero(np.abs(window) > 1.0)),
        silent=is_silent(window),
        labels=labels,
    )
