"""Sound files that libsndfile decodes: all that are not compressed, and Ogg with Vorbis or Opus."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
import soundfile

from vggish.audio.ffmpeg import open_ffmpeg_sound
from vggish.errors import AudioError

_BLOCK_SAMPLES = 1 << 18  # Over all channels, so that no header decides how much is allocated.
_LONGER = 1.0  # Seconds; FFmpeg does not cut Vorbis to the sample.
_FIXED_SIZE = ("PCM_", "FLOAT", "DOUBLE", "ULAW", "ALAW")
"""Starts of the names of codecs whose samples all have the same number of bytes."""


class SndfileSound:
    """A sound file of libsndfile; see `vggish.audio.decoding.Sound`."""

    def __init__(self, file: soundfile.SoundFile, name: str):
        self._file = file
        self.name = name
        self.format = f"{file.format} {file.subtype}"
        self.rate = file.samplerate
        self.channels = file.channels
        at_any = file.seekable() and file.subtype.startswith(_FIXED_SIZE)
        self.frames = file.frames if at_any else None

    def blocks(self, start: int = 0) -> Iterator[np.ndarray]:
        """Yields the sound after `start` samples: float32 [n], n >= 1, means of the channels."""
        frames = 0 if self.frames is None else self._file.seek(min(start, self.frames))
        while True:
            try:
                block = self._file.read(
                    _BLOCK_SAMPLES // self.channels, dtype="float32", always_2d=True
                )
            except soundfile.LibsndfileError as error:
                raise AudioError(
                    "damaged",
                    f"{self.name} is damaged after {frames} samples ({_cause(error)}); export or "
                    "copy it again.",
                ) from error
            if not len(block):
                return
            wanted = block[max(start - frames, 0) :]
            frames += len(block)
            if len(wanted):
                yield wanted[:, 0] if self.channels == 1 else wanted.mean(axis=1)


class _OggSound(SndfileSound):
    """An Ogg file, of which libsndfile skips damaged pages, and all streams after the first.

    FFmpeg, which loses a few samples at the ends of some, reads it a second time to find them.
    """

    def __init__(self, file: soundfile.SoundFile, name: str, stream: BinaryIO, start: int):
        super().__init__(file, name)
        self._stream = stream
        self._start = start

    def blocks(self, start: int = 0) -> Iterator[np.ndarray]:
        """Yields the sound after `start` samples: float32 [n], n >= 1, means of the channels."""
        frames = start
        for block in super().blocks(start):
            frames += len(block)
            yield block
        self._stream.seek(self._start)
        with open_ffmpeg_sound(self._stream, self.name) as again:
            seconds = sum(map(len, again.blocks())) / again.rate
        if seconds > frames / self.rate + _LONGER:
            raise AudioError(
                "damaged",
                f"{self.name} holds several streams, one after the other, of which only the first "
                "is heard; convert it to one.",
            )


@contextmanager
def open_sndfile_sound(stream: BinaryIO, name: str) -> Iterator[SndfileSound]:
    """Opens a file for reading in blocks.

    Args:
        stream: The open file.
        name: Name of the file in messages.

    Yields:
        The open sound.

    Raises:
        AudioError: `unreadable`: the file cannot be opened.
    """
    start = stream.tell()
    # A descriptor if possible: from a file's name, libsndfile would guess a format.
    source = stream.fileno() if isinstance(stream, io.FileIO) else stream
    try:
        file = soundfile.SoundFile(source, closefd=False)
    except (soundfile.LibsndfileError, TypeError) as error:
        # A TypeError means that the extension of an open file stands for headerless audio.
        raise AudioError(
            "unreadable", f"{name} is not a sound file that can be read ({_cause(error)})."
        ) from error
    with file:
        is_ogg = file.format == "OGG"
        yield _OggSound(file, name, stream, start) if is_ogg else SndfileSound(file, name)


def _cause(error: Exception) -> str:
    return str(getattr(error, "error_string", error)).strip().rstrip(".")
