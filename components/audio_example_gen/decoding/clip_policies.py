"""Turns a sound file into clips: how long, short and silent sounds are treated."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from components.file_trees.refusals import RefusedError
from schema.config.ingest_settings import IngestSettings
from vggish.audio import decoding
from vggish.errors import AudioError
from vggish.params import SAMPLE_RATE, WINDOW_SAMPLES

_SILENCE_PEAK = 1e-3  # -60 dB of full scale: below the noise of a quiet room on any recorder.


@dataclass(frozen=True)
class DecodedClip:
    """A clip, ready to be written.

    Attributes:
        part: Seconds of the file that the clip covers, as a media fragment (`#t=0,600`); empty if
            all.
        pcm: Mono 16 kHz signed 16-bit little-endian samples.
        source_rate: Sample rate of the file in Hz.
        duration: Seconds of source audio in the clip, before it was lengthened.
        format: Container and coding of the file.
        clipped: Number of samples outside the range, which were set to its nearest end.
        silent: Whether the clip is silence.
        labels: Class names, if the clips of the file have different ones; None: those of the file.
    """

    part: str
    pcm: bytes
    source_rate: int
    duration: float
    format: str
    clipped: int
    silent: bool
    labels: tuple[str, ...] | None = None


def read_clips(path: str, clip_id: str, ingest: IngestSettings) -> Iterator[DecodedClip]:
    """Reads a sound file, and turns it into clips as the settings say.

    Memory is bounded by `ingest.max_seconds` of sound, even if the file is or claims to be longer.

    Args:
        path: Path of the file.
        clip_id: Id of the file, which is the seed of a `random` crop.
        ingest: Which clips are accepted, and in what shape.

    Yields:
        The file's clips: several only if `ingest.long` is `split`.

    Raises:
        AudioError: The file is refused, before any clip was yielded.
    """
    with decoding.open_sound(path) as sound:
        reader = _Reader(sound)
        limit = int(ingest.max_seconds * sound.rate)
        begin = reader.take(limit)
        match ingest.long:
            case "first":
                rest = 0
            case "reject":
                rest = reader.skip(1)  # One more frame is too many.
            case _:
                rest = reader.skip(None)
        if not rest:
            yield _finish(_join(begin, sound, ingest), sound, ingest)
            return
        total = limit + rest
    del begin
    if ingest.long == "reject":
        raise AudioError(
            "too_long",
            f"{path} is longer than the limit of {ingest.max_seconds:g} seconds; cut it, raise "
            "ingest.max_seconds, or set ingest.long.",
        )
    if ingest.long == "random":
        starts = [_draw(total - limit, f"{ingest.seed}/{clip_id}")]
    else:
        starts = list(range(0, total, limit))
    yield from _read_stretches(path, starts, limit, ingest)


def _read_stretches(
    path: str, starts: list[int], frames: int, ingest: IngestSettings
) -> Iterator[DecodedClip]:
    """Reads a file a second time, for stretches of it."""
    with decoding.open_sound(path) as sound:
        reader = _Reader(sound)
        position = 0
        for start in starts:
            position += reader.skip(start - position)
            stretch = reader.take(frames)
            begin, position = position, position + sum(map(len, stretch))
            clip = _join(stretch, sound, ingest)
            if begin and ingest.long == "split" and not _fills_a_window(clip, ingest):
                return  # The last part; it would be mostly padding.
            seconds = f"{begin / sound.rate:.10g},{position / sound.rate:.10g}"
            yield _finish(clip, sound, ingest, f"#t={seconds}" if ingest.long == "split" else "")


def _fills_a_window(clip: decoding.Clip, ingest: IngestSettings) -> bool:
    least = ingest.target_samples if ingest.short == "reject" else WINDOW_SAMPLES
    return clip.duration >= ingest.min_seconds and clip.samples.size >= least


def _draw(choices: int, key: str) -> int:
    """Draws a number from 0 to `choices`, the same one for the same key."""
    digest = hashlib.sha256(key.encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") % (choices + 1)


class _Reader:
    """Reads a sound in stretches of any length, and checks every sample."""

    def __init__(self, sound: decoding.Sound):
        self._name = sound.name
        self._blocks = sound.blocks()
        self._left: np.ndarray | None = None

    def take(self, frames: int) -> list[np.ndarray]:
        """Reads frames: fewer at the end of the sound."""
        return list(self._read(frames))

    def skip(self, frames: int | None) -> int:
        """Skips frames, None for all, and counts them."""
        return sum(map(len, self._read(frames)))

    def _read(self, frames: int | None) -> Iterator[np.ndarray]:
        while frames is None or frames > 0:
            block = self._next()
            if block is None:
                return
            if frames is not None:
                if len(block) > frames:
                    block, self._left = block[:frames], block[frames:]
                frames -= len(block)
            if not np.isfinite(block).all():
                raise decoding.non_finite_sound(self._name)
            yield block

    def _next(self) -> np.ndarray | None:
        if self._left is not None:
            left, self._left = self._left, None
            return left
        return next(self._blocks, None)


def _join(blocks: list[np.ndarray], sound: decoding.Sound, ingest: IngestSettings) -> decoding.Clip:
    return decoding.clip_from_blocks(blocks, sound, ingest.resampler)


def _finish(
    clip: decoding.Clip, sound: decoding.Sound, ingest: IngestSettings, part: str = ""
) -> DecodedClip:
    """Lengthens or cuts a clip, and packs it."""
    if clip.duration < ingest.min_seconds:
        raise RefusedError(
            "too_short",
            f"{sound.name} lasts {clip.duration:.3g} seconds, less than ingest.min_seconds "
            f"({ingest.min_seconds:g}).",
        )
    samples = clip.samples
    if samples.size < ingest.target_samples:
        samples = _lengthen(samples, sound, ingest)
    if ingest.windows.exactly is not None:
        samples = samples[: ingest.target_samples]
    return DecodedClip(
        part=part,
        pcm=decoding.pcm16_from_samples(samples),
        source_rate=clip.source_rate,
        duration=clip.duration,
        format=sound.format,
        clipped=clip.clipped,
        silent=is_silent(samples),
    )


def is_silent(samples: np.ndarray) -> bool:
    """Tells whether samples, float32 [n], n >= 1, are silence."""
    return bool(np.abs(samples).max() < _SILENCE_PEAK)


def _lengthen(samples: np.ndarray, sound: decoding.Sound, ingest: IngestSettings) -> np.ndarray:
    target = ingest.target_samples
    match ingest.short:
        case "reject":
            raise RefusedError(
                "too_short",
                f"{sound.name} lasts {samples.size / SAMPLE_RATE:.3g} seconds, less than "
                f"{target / SAMPLE_RATE:g}, which its windows need.",
            )
        case "repeat":
            return np.resize(samples, target)
        case "pad" if ingest.windows.exactly and ingest.windows.exactly > 1:
            return np.pad(samples, (0, target - samples.size))
        case _:
            # One window is padded by the model, on serving as in training.
            return samples
