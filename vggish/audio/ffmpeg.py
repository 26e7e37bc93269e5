"""Sound files that FFmpeg decodes (PyAV's wheels contain it): all that are compressed.

FFmpeg may only choose among formats of sound. Left to itself, it would also take a text for a
picture or a subtitle, and open playlists that name other files.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from vggish.errors import AudioError

if TYPE_CHECKING:
    from av import AudioFrame
    from av.container import InputContainer

_FORMATS = "aac,ac3,aiff,amr,ape,asf,au,caf,eac3,flac,matroska,mov,mp3,mpc,mpc8,ogg,tta,w64,wav,wv"
_LOSSLESS = {"ape", "flac", "tta", "wv"}
"""Formats whose header counts the samples, unless the file was written to a pipe."""

_ENTERED_ANYWHERE = "flac"
"""The format in which FFmpeg finds any sample, and whose frames need no other frame."""

_TIMED = "asf"
"""The format whose header states the length, though not to the sample."""

_TIMED_TOLERANCE = 0.5  # Seconds; encoders state up to 0.07 s more than they write.

_RECORDED_CLOCK = {"matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2"}
"""Formats that store a time with every packet; a recorder may have paused between two."""

_WHOLE = 0.9
"""Part of the estimated length from which on undecodable bytes at the end are tags, not sound."""


class FfmpegSound:
    """A sound file of FFmpeg; see `vggish.audio.decoding.Sound`."""

    def __init__(self, container: "InputContainer", name: str):
        stream = container.streams.audio[0]
        self._container = container
        self._stream = stream
        self._end: float | None = None  # Where the next frame should begin, in samples.
        self.name = name
        codec = stream.codec_context.codec.canonical_name
        self.format = f"{container.format.name.split(',')[0]} {codec}".upper()
        self.rate = stream.rate or 0
        self.channels = stream.channels
        stated = self._stated_samples()
        at_any = container.format.name == _ENTERED_ANYWHERE and stated is not None
        self.frames = int(stated or 0) if at_any else None

    def blocks(self, start: int = 0) -> Iterator[np.ndarray]:
        """Yields the sound after `start` samples: float32 [n], n >= 1, means of the channels."""
        import av

        # Files may have any sample format, and may change it midway.
        resampler = av.AudioResampler(format="fltp", rate=self.rate)
        faults: list[Exception] = []
        self._seek(start, faults)
        frames = heard = 0
        for decoded in self._decoded(faults):
            if self._end is None and self.frames is not None:
                frames = heard = round(_start_of(decoded) or 0)
            heard += decoded.samples
            if faults or self._leaves_a_gap(decoded):
                raise self._damaged(frames, faults)
            for frame in resampler.resample(decoded):
                wanted = frame.to_ndarray()[:, max(start - frames, 0) :]
                frames += frame.samples
                if wanted.size:
                    yield wanted[0] if len(wanted) == 1 else wanted.mean(axis=0)
        if self._ends_early(heard, faults):
            raise self._damaged(frames, faults)

    def _seek(self, start: int, faults: list[Exception]) -> None:
        """Goes to the frame of a sample, or to the last one, if the format allows it."""
        import av

        if not start or not self.frames:
            return
        try:
            # FLAC counts time in samples.
            self._container.seek(min(start, self.frames - 1), stream=self._stream)
        except (av.FFmpegError, ValueError, OSError) as error:
            faults.append(_fault_of_file(error))

    def _decoded(self, faults: list[Exception]) -> "Iterator[AudioFrame]":
        """Yields what can be decoded, and adds what cannot to `faults`."""
        import av

        try:
            for packet in self._container.demux(self._stream):
                try:
                    yield from packet.decode()
                except av.InvalidDataError as error:
                    faults.append(error)
        except (av.FFmpegError, ValueError, OSError) as error:
            faults.append(_fault_of_file(error))

    def _leaves_a_gap(self, frame: "AudioFrame") -> bool:
        """Tells whether sound is missing before a frame: FFmpeg skips damaged parts silently."""
        start = _start_of(frame)
        if start is None:
            return False
        gap = 0.0 if self._end is None else start - self._end
        self._end = start + frame.samples
        recorded = self._container.format.name in _RECORDED_CLOCK
        return gap > (frame.sample_rate if recorded else frame.samples / 2)

    def _ends_early(self, heard: int, faults: list[Exception]) -> bool:
        """Tells whether the end of the sound is damaged, or missing though the header has it."""
        stated = self._stated_samples()
        if stated is None:
            return bool(faults)
        if self._container.format.name in _LOSSLESS:
            return heard < int(stated)
        # A film may go on after its sound.
        if self._container.format.name == _TIMED and not self._container.streams.video:
            return heard < stated - _TIMED_TOLERANCE * self.rate
        return bool(faults) and heard < _WHOLE * stated

    def _stated_samples(self) -> float | None:
        length = self._stream.duration
        if length is None or self._stream.time_base is None:
            return None
        return float(length * self._stream.time_base) * self.rate

    def _damaged(self, frames: int, faults: list[Exception]) -> AudioError:
        cause = _cause(faults[0]) if faults else "a part of the sound is missing"
        return AudioError(
            "damaged",
            f"{self.name} is damaged after {frames} samples ({cause}); export or copy it again.",
        )


@contextmanager
def open_ffmpeg_sound(stream: BinaryIO, name: str) -> Iterator[FfmpegSound]:
    """Opens a file for reading in blocks.

    Args:
        stream: The open file. FFmpeg gets no file name, since it would look for a protocol in it.
        name: Name of the file in messages.

    Yields:
        The open sound.

    Raises:
        AudioError: `unreadable`: the file cannot be opened, or holds no sound.
    """
    import av

    # Checksums are compared where a format has them, and a difference is an error.
    options = {"format_whitelist": _FORMATS, "err_detect": "crccheck+explode"}
    try:
        opened = av.open(stream, "r", options=options, metadata_errors="replace")
    except (av.FFmpegError, ValueError, OSError) as error:
        cause = _cause(_fault_of_file(error))
        raise AudioError(
            "unreadable", f"{name} is not a sound file that can be read ({cause})."
        ) from error
    with opened:
        if not opened.streams.audio:
            raise AudioError("unreadable", f"{name} holds no sound, only pictures or text.")
        codec = opened.streams.audio[0].codec_context
        if codec is None:
            raise AudioError(
                "unreadable", f"{name} holds sound in an unknown codec; convert it to WAV."
            )
        codec.options = {"err_detect": options["err_detect"]}
        yield FfmpegSound(opened, name)


def _start_of(frame: "AudioFrame") -> float | None:
    """Returns the number of samples before a frame, if the file says it."""
    if frame.pts is None or frame.time_base is None:
        return None
    return float(frame.pts * frame.time_base) * frame.sample_rate


def _fault_of_file(error: Exception) -> Exception:
    """Returns an error that the file is to blame for; raises one of the disk."""
    import av

    # A file that names a place before its beginning makes the system refuse to go there (EINVAL).
    of_file = isinstance(error, av.FFmpegError)
    if isinstance(error, OSError) and not of_file and error.errno != errno.EINVAL:
        raise error
    return error


def _cause(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).strip().rstrip(".")
