"""Sound files that libsndfile cannot read: AAC, alone or in MP4, Matroska and WebM.

FFmpeg decodes them (PyAV's wheels contain it). It gets the name of the container, since its own
guess accepts nearly any file, and would open playlists that name other files.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from vggish.errors import AudioError

if TYPE_CHECKING:
    from av.container import InputContainer

HEAD_BYTES = 16
"""Number of bytes that `container_of` needs."""

_MP4 = "mov,mp4,m4a,3gp,3g2,mj2"
_MATROSKA = "matroska,webm"


def container_of(head: bytes) -> str | None:
    """Recognises a container for FFmpeg by a file's first bytes.

    Args:
        head: The first `HEAD_BYTES` bytes, or all of a shorter file.

    Returns:
        FFmpeg's name of the container, or None if libsndfile should read the file.
    """
    if head[4:8] == b"ftyp":  # ISO/IEC 14496-12.
        return _MP4
    if head.startswith(b"\x1aE\xdf\xa3"):  # EBML, RFC 8794.
        return _MATROSKA
    # ADTS, ISO/IEC 13818-7: twelve bits of sync word, the MPEG version, and a layer that is 0,
    # where MPEG audio (MP3) has 1 to 3.
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "aac"
    return None


class FfmpegSound:
    """A sound file of FFmpeg; see `vggish.audio.decoding.Sound`."""

    def __init__(self, container: "InputContainer", name: str):
        stream = container.streams.audio[0]
        self._container = container
        self.name = name
        self.format = f"{container.format.name.split(',')[0]} {stream.codec_context.name}".upper()
        self.rate = stream.rate or 0
        self.channels = stream.channels

    def blocks(self) -> Iterator[np.ndarray]:
        """Yields the sound in order: float32 [n], n >= 1, each the mean of the channels."""
        import av

        # Files may have any sample format, and may change it midway.
        resampler = av.AudioResampler(format="fltp", rate=self.rate)
        frames = 0
        try:
            for decoded in self._container.decode(audio=0):
                for frame in resampler.resample(decoded):
                    frames += frame.samples
                    yield frame.to_ndarray().mean(axis=0)
        except (av.FFmpegError, ValueError) as error:
            raise AudioError(
                "unreadable", f"{self.name} is damaged after {frames} samples ({_cause(error)})."
            ) from error


@contextmanager
def open_ffmpeg_sound(stream: BinaryIO, name: str, container: str) -> Iterator[FfmpegSound]:
    """Opens a file for reading in blocks.

    Args:
        stream: The open file. FFmpeg gets no file name, since it would look for a protocol in it.
        name: Name of the file in messages.
        container: Result of `container_of`.

    Yields:
        The open sound.

    Raises:
        AudioError: `unreadable`: the file cannot be opened, or holds no sound.
    """
    import av

    try:
        opened = av.open(stream, "r", format=container, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise AudioError(
            "unreadable", f"{name} is not a sound file that can be read ({_cause(error)})."
        ) from error
    with opened:
        if not opened.streams.audio:
            raise AudioError("unreadable", f"{name} holds no sound, only pictures or text.")
        if opened.streams.audio[0].codec_context is None:
            raise AudioError(
                "unreadable", f"{name} holds sound in an unknown codec; convert it to WAV."
            )
        yield FfmpegSound(opened, name)


def _cause(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).strip().rstrip(".")
