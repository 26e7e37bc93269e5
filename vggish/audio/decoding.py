"""Decoding a sound file to VGGish's input: mono, 16 kHz, float32 samples."""

import io
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, cast, get_args

import numpy as np
import soundfile

from vggish.audio.ffmpeg import open_ffmpeg_sound
from vggish.audio.file_faults import ABSENT, FORBIDDEN
from vggish.audio.ogg_pages import has_lost_its_end
from vggish.audio.sndfile import open_sndfile_sound
from vggish.audio.sound_formats import HEAD_BYTES, starts_like_sound
from vggish.errors import AudioError
from vggish.params import SAMPLE_RATE

MAX_CHANNELS = 64
MIN_RATE = 100  # Hz. Below it, resampling would blow a file up more than 160 times.
MAX_RATE = 768_000  # Hz, the highest rate that audio hardware records at.

Resampler = Literal["resampy", "soxr"]
RESAMPLERS: tuple[Resampler, ...] = get_args(Resampler)
"""Names of the resamplers; docs/audio.md compares them."""

_FOR_FFMPEG = re.compile(rb"fLaC|ID3|\xff|caff|....ftyp|\x1aE\xdf\xa3|0&\xb2u|wvpk", re.DOTALL)
"""First bytes of what libsndfile must not read, or cannot.

It hears a damaged MP3 or ALAC file without a word, and refuses FLAC that is valid.
"""

_BLOCK_BYTES = 1 << 18
_PCM16_SCALE = 32_768.0  # The reference divides 16-bit samples by it (vggish_input.py).


@dataclass(frozen=True)
class Clip:
    """One decoded sound file.

    Attributes:
        samples: float32 [n], n >= 1, mono at 16 kHz. Most are in [-1, 1]; resampling a loud sound
            overshoots, and float files may hold any number. As in the reference, they stay.
        source_rate: Sample rate of the file in Hz.
        duration: Length of the file in seconds.
        clipped: Number of samples outside [-1, 1], which 16-bit samples cannot hold.
    """

    samples: np.ndarray
    source_rate: int
    duration: float
    clipped: int


class Sound(Protocol):
    """An open sound file.

    Attributes:
        name: Name in messages.
        format: Container and codec, such as `WAV PCM_16`.
        rate: Sample rate in Hz.
        channels: Number of channels.
        frames: Number of samples that the header states, if reading can begin at any of them; None
            if the sound before has to be decoded, too.
    """

    name: str
    format: str
    rate: int
    channels: int
    frames: int | None

    def blocks(self, start: int = 0) -> Iterator[np.ndarray]:
        """Yields the sound in order: float32 [n], n >= 1, each the mean of the channels.

        The length is known only at the end, since headers can be wrong.

        Args:
            start: Number of samples at the beginning to leave out.

        Raises:
            AudioError: `damaged`: a part of the sound cannot be decoded.
        """
        ...


def decode(
    file: str | os.PathLike[str] | BinaryIO,
    *,
    max_seconds: float | None = None,
    resampler: Resampler = "resampy",
) -> Clip:
    """Decodes a sound file of any format in `vggish.audio.sound_formats`.

    Channels are averaged, then resampled. The content decides the format, not the name.
    The file is read in blocks, so a header that claims more than the file holds costs nothing.

    Args:
        file: A path, or a binary file open for reading.
        max_seconds: Maximum length; longer files are refused and not read to the end.
        resampler: Resampler of other rates to 16 kHz; see `resample`.

    Returns:
        The clip.

    Raises:
        OSError: The disk failed.
        AudioError: With reason `unreadable` (not a sound file, or one whose header claims a rate or
            a number of channels that no recording has), `damaged`, `empty`, `too_long` or
            `non_finite`.
    """
    with open_sound(file) as sound:
        limit = None if max_seconds is None else int(max_seconds * sound.rate)
        return clip_from_blocks(_no_longer_than(limit, sound), sound, resampler)


@contextmanager
def open_sound(file: str | os.PathLike[str] | BinaryIO) -> Iterator[Sound]:
    """Opens a sound file for reading in blocks.

    Args:
        file: A path, or a binary file open for reading.

    Yields:
        The open file.

    Raises:
        AudioError: `unreadable`: the file cannot be opened, is not a sound, or claims a rate or a
            number of channels that no recording has. `damaged`: the end of an Ogg file is lost.
    """
    name = _name(file)
    with _open(file, name) as stream, ExitStack() as opened:
        sound = _open_either(stream, name, opened)
        _check_claims(sound)
        yield sound


def _open_either(stream: BinaryIO, name: str, opened: ExitStack) -> Sound:
    """Opens a sound with FFmpeg, or with libsndfile and, if that cannot read it, with FFmpeg.

    Raises:
        AudioError: `unreadable`, or `damaged`: both would hear it to the damage without a word.
    """
    start = stream.tell()
    head = stream.read(HEAD_BYTES)
    stream.seek(start)
    if head.startswith(b"OggS"):
        if has_lost_its_end(stream):
            raise AudioError(
                "damaged",
                f"{name} is damaged: its end is overwritten with other bytes; export or copy it "
                "again.",
            )
        stream.seek(start)
    if _FOR_FFMPEG.match(head):
        return opened.enter_context(open_ffmpeg_sound(stream, name))
    try:
        return opened.enter_context(open_sndfile_sound(stream, name))
    except AudioError as refusal:
        # FFmpeg finds a few frames of MP3 in nearly any large file.
        if not starts_like_sound(head):
            raise
        stream.seek(start)
        try:
            return opened.enter_context(open_ffmpeg_sound(stream, name))
        except AudioError:
            raise refusal from None


def clip_from_blocks(
    blocks: Iterable[np.ndarray], sound: Sound, resampler: Resampler = "resampy"
) -> Clip:
    """Joins mono blocks of an open sound into a clip.

    Args:
        blocks: float32 [n] each, at the sound's rate.
        sound: The open sound.
        resampler: Resampler of other rates to 16 kHz; see `resample`.

    Returns:
        The clip.

    Raises:
        AudioError: With reason `empty` or `non_finite`.
    """
    parts = list(blocks)
    mono = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    del parts
    if not mono.size:
        raise empty_sound(sound.name)
    if not np.isfinite(mono).all():
        raise non_finite_sound(sound.name)
    samples = resample(mono, sound.rate, resampler)
    clipped = int(np.count_nonzero(np.abs(samples) > 1.0))
    return Clip(samples, sound.rate, mono.size / sound.rate, clipped)


def empty_sound(name: str) -> AudioError:
    """Returns the refusal of a sound without samples."""
    return AudioError("empty", f"{name} holds no samples; remove it or record it again.")


def non_finite_sound(name: str) -> AudioError:
    """Returns the refusal of a sound with NaN or infinity in it."""
    return AudioError(
        "non_finite", f"{name} holds samples that are not finite numbers; export it again."
    )


def resample(samples: np.ndarray, rate: int, resampler: Resampler = "resampy") -> np.ndarray:
    """Resamples mono samples to 16 kHz.

    Args:
        samples: float32 [n], n >= 1.
        rate: Sample rate in Hz.
        resampler: `resampy` with its `kaiser_best` filter is the reference's (vggish_input.py);
            `soxr` at its high quality is many times faster.

    Returns:
        float32 [m], m >= 1; the same array if it is already at 16 kHz.
    """
    if rate == SAMPLE_RATE:
        return samples
    # A clip shorter than one sample at 16 kHz is lengthened to one.
    shortest = -(-rate // SAMPLE_RATE)
    if samples.size < shortest:
        samples = np.pad(samples, (0, shortest - samples.size))
    # Imported here since resampy compiles itself, and 16 kHz files need not wait for it.
    if resampler == "soxr":
        import soxr

        resampled = soxr.resample(samples, rate, SAMPLE_RATE, quality="HQ")
    else:
        import resampy

        resampled = resampy.resample(samples, rate, SAMPLE_RATE)
    return np.asarray(resampled, np.float32)


def pcm16_from_samples(samples: np.ndarray) -> bytes:
    """Packs samples as signed 16-bit little-endian PCM.

    Args:
        samples: float [n]; values outside the 16-bit range are clipped.

    Returns:
        2 n bytes. Samples that came from 16-bit audio give back exactly that audio.
    """
    scaled = np.rint(np.asarray(samples, np.float32) * np.float32(_PCM16_SCALE))
    return np.clip(scaled, -32_768, 32_767).astype("<i2").tobytes()


def samples_from_pcm16(pcm: bytes) -> np.ndarray:
    """Unpacks signed 16-bit little-endian PCM.

    Args:
        pcm: 2 n bytes.

    Returns:
        float32 [n] in [-1, 1).
    """
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(_PCM16_SCALE)


def wav_from_pcm16(pcm: bytes, rate: int = SAMPLE_RATE) -> bytes:
    """Makes a WAV file of mono signed 16-bit little-endian PCM.

    Args:
        pcm: 2 n bytes.
        rate: Sample rate in Hz.

    Returns:
        The file's bytes.
    """
    file = io.BytesIO()
    soundfile.write(file, np.frombuffer(pcm, "<i2"), rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


def _name(file: str | os.PathLike[str] | BinaryIO) -> str:
    if isinstance(file, str | os.PathLike):
        return os.fspath(file)
    return str(getattr(file, "name", "the audio data"))


@contextmanager
def _open(file: str | os.PathLike[str] | BinaryIO, name: str) -> Iterator[BinaryIO]:
    if not isinstance(file, str | os.PathLike):
        yield file
        return
    try:
        # Unbuffered, since libsndfile continues from the position of the file descriptor.
        stream = Path(file).open("rb", buffering=0)  # noqa: SIM115  Closed by the `with` below.
    except OSError as error:
        if error.errno not in ABSENT | FORBIDDEN:
            raise
        raise AudioError("unreadable", f"{name} cannot be opened: {error.strerror}.") from error
    with stream:
        try:
            yield cast(BinaryIO, stream)
        except AudioError as error:
            if error.reason in ("unreadable", "damaged"):
                _read_through(stream)
            raise


def _read_through(stream: io.FileIO) -> None:
    """Reads a file that was not understood again: a disk that fails must not be its fault.

    Raises:
        OSError: The disk failed.
    """
    stream.seek(0)
    left = os.fstat(stream.fileno()).st_size
    while left > 0 and (block := stream.read(_BLOCK_BYTES)):
        left -= len(block)


def _check_claims(sound: Sound) -> None:
    if not 1 <= sound.channels <= MAX_CHANNELS:
        raise AudioError(
            "unreadable",
            f"{sound.name} claims {sound.channels} channels; at most {MAX_CHANNELS} are accepted.",
        )
    if not MIN_RATE <= sound.rate <= MAX_RATE:
        raise AudioError(
            "unreadable",
            f"{sound.name} claims a sample rate of {sound.rate} Hz; "
            f"{MIN_RATE} to {MAX_RATE} Hz are accepted.",
        )


def _no_longer_than(limit: int | None, sound: Sound) -> Iterator[np.ndarray]:
    frames = 0
    for block in sound.blocks():
        frames += len(block)
        if limit is not None and frames > limit:
            raise AudioError(
                "too_long",
                f"{sound.name} is longer than the limit of {limit / sound.rate:g} seconds; "
                "cut it or raise the limit.",
            )
        yield block
