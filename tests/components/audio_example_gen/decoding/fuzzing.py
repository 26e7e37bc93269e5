"""A seeded fuzzer: what disks, networks and converters do to sound files."""

import io
import struct
from collections.abc import Iterator

import av
import numpy as np
import soundfile

RATE = 16_000
_WAV_FIELDS = (0, 4, 8, 12, 16, 20, 22, 24, 28, 32, 34, 36, 40, 44)
"""Where the fields of a WAV header begin: RIFF, size, WAVE, fmt, size, tag, channels, rate, bytes a
second, block, bits, data, size, samples."""
_HUGE = (0xFFFF_FFFF, 0x8000_0000, 0x7FFF_FFFF, 0xFFFF_FFF0)

GOOD, UNREADABLE, EMPTY, NON_FINITE, ANY = "good", "unreadable", "empty", "non_finite", "any"
"""What a file is expected to come to; ANY: to anything, but without harm."""


def good_files() -> dict[str, bytes]:
    """Half a second of noise in every format, by the name of the format."""
    samples = np.random.default_rng(0).normal(0, 0.1, RATE // 2).astype(np.float32)
    formats = {
        "wav16": {"format": "WAV", "subtype": "PCM_16"},
        "wav_float": {"format": "WAV", "subtype": "FLOAT"},
        "wavex": {"format": "WAVEX", "subtype": "PCM_24"},
        "rf64": {"format": "RF64", "subtype": "PCM_16"},
        "w64": {"format": "W64", "subtype": "PCM_16"},
        "adpcm": {"format": "WAV", "subtype": "IMA_ADPCM"},
        "aiff": {"format": "AIFF", "subtype": "PCM_16"},
        "au": {"format": "AU", "subtype": "ULAW"},
        "caf": {"format": "CAF", "subtype": "ALAC_16"},
        "flac": {"format": "FLAC", "subtype": "PCM_16"},
        "vorbis": {"format": "OGG", "subtype": "VORBIS"},
        "opus": {"format": "OGG", "subtype": "OPUS"},
        "mp3": {"format": "MP3", "subtype": "MPEG_LAYER_III"},
    }
    files = {}
    for name, options in formats.items():
        file = io.BytesIO()
        soundfile.write(file, samples, RATE, **options)
        files[name] = file.getvalue()
    return files | {"m4a": _aac(samples, "mp4"), "aac": _aac(samples, "adts")}


def _aac(samples: np.ndarray, container: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            output.mux(packet)
    return file.getvalue()


def corpus(seed: int, damaged: int) -> Iterator[tuple[str, bytes, str]]:
    """Yields files: a name, the content, and what it is expected to come to.

    Args:
        seed: Of the damages drawn at random.
        damaged: How many such there are of every format.
    """
    rng = np.random.default_rng(seed)
    good = good_files()
    yield "zero_bytes.wav", b"", UNREADABLE
    yield "text.wav", b"This page has moved.\n" * 100, UNREADABLE
    yield "zeros.wav", bytes(10_000), UNREADABLE
    yield "noise.mp3", rng.bytes(10_000), ANY
    for name, content in good.items():
        yield f"{name}_whole.txt", content, GOOD  # The extension says nothing.
    yield from _wav_headers(good["wav16"])
    yield from _samples()
    for name, content in good.items():
        for i in range(damaged):
            yield f"{name}_cut_{i}.wav", content[: int(rng.integers(1, len(content)))], ANY
            yield f"{name}_bits_{i}.wav", _flip(content, rng, len(content)), ANY
            yield f"{name}_head_{i}.wav", _flip(content, rng, min(128, len(content))), ANY
            yield f"{name}_size_{i}.wav", _enlarge(content, rng), ANY


def _wav_headers(wav: bytes) -> Iterator[tuple[str, bytes, str]]:
    for place in _WAV_FIELDS:
        # From the last field on, there is a header without samples.
        expected = EMPTY if place == _WAV_FIELDS[-1] else UNREADABLE
        yield f"wav_cut_at_{place}.wav", wav[:place], expected
        yield f"wav_cut_before_{place}.wav", wav[: max(place - 1, 0)], expected
    for place in (4, 40):  # What is there is read, whatever is claimed.
        for size in _HUGE:
            yield f"wav_size_{place}_{size}.wav", _put(wav, "<I", place, size), GOOD
    yield "wav_channels.wav", _put(wav, "<H", 22, 65_535), UNREADABLE
    yield "wav_no_channels.wav", _put(wav, "<H", 22, 0), UNREADABLE
    for rate in (0, 1, 99, 2**31 - 1, 2**32 - 1):
        yield f"wav_rate_{rate}.wav", _put(wav, "<I", 24, rate), UNREADABLE
    for bits in (0, 1, 7, 65_535):
        yield f"wav_bits_{bits}.wav", _put(wav, "<H", 34, bits), ANY
    yield "wav_block.wav", _put(wav, "<H", 32, 65_535), ANY


def _samples() -> Iterator[tuple[str, bytes, str]]:
    for name, value in (("nan", np.nan), ("infinite", np.inf), ("minus", -np.inf)):
        samples = np.zeros(RATE, np.float32)
        samples[-1] = value
        file = io.BytesIO()
        soundfile.write(file, samples, RATE, format="WAV", subtype="FLOAT")
        yield f"{name}.wav", file.getvalue(), NON_FINITE
    file = io.BytesIO()
    soundfile.write(file, np.zeros(0), RATE, format="AIFF")
    yield "no_samples.aiff", file.getvalue(), EMPTY


def _put(content: bytes, form: str, place: int, value: int) -> bytes:
    packed = struct.pack(form, value)
    return content[:place] + packed + content[place + len(packed) :]


def _flip(content: bytes, rng: np.random.Generator, end: int) -> bytes:
    damaged = bytearray(content)
    for place in rng.integers(0, end, int(rng.integers(1, 20))):
        damaged[place] = int(rng.integers(256))
    return bytes(damaged)


def _enlarge(content: bytes, rng: np.random.Generator) -> bytes:
    """Writes a huge number somewhere into the header, in either order of bytes."""
    form = str(rng.choice(["<I", ">I"]))
    place = int(rng.integers(0, min(200, len(content) - 4)))
    return _put(content, form, place, int(rng.choice(_HUGE)))
