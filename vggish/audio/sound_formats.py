"""The formats that count as sound: their names, file extensions and first bytes."""

import posixpath
import re
from dataclasses import dataclass

HEAD_BYTES = 16
"""Number of bytes that `starts_like_sound` needs."""


@dataclass(frozen=True)
class SoundFormat:
    """A format of sound files.

    Attributes:
        name: Name for people.
        extensions: File extensions that promise this format, in lower case.
        start: Pattern of the first bytes; empty if nothing tells the format from other files.
    """

    name: str
    extensions: tuple[str, ...]
    start: bytes = b""


SOUND_FORMATS = (
    SoundFormat("WAV", (".wav", ".wave"), rb"RIFF....WAVE|RIFX....WAVE"),
    SoundFormat("RF64", (".rf64",), b"RF64|BW64"),
    SoundFormat("W64", (".w64",), rb"riff\x2e\x91\xcf\x11"),
    SoundFormat("AIFF", (".aif", ".aifc", ".aiff"), b"FORM....AIF[FC]"),
    SoundFormat("AU", (".au", ".snd"), rb"\.snd|dns\."),
    SoundFormat("CAF", (".caf",), rb"caff\x00\x01"),
    SoundFormat("VOC", (".voc",), b"Creative Voice F"),
    SoundFormat("SPHERE", (".sph",), b"NIST_1A\n"),
    SoundFormat("headerless samples", (".pcm", ".raw")),
    SoundFormat("FLAC", (".flac",), rb"fLaC|\xff[\xf8\xf9][\x10-\xff]"),
    SoundFormat("Ogg: Vorbis, Opus, Speex, FLAC", (".oga", ".ogg", ".opus", ".spx"), rb"OggS\x00"),
    # MPEG audio (ISO/IEC 11172-3): a sync word, a layer, a bit rate. FF FE also begins text in
    # UTF-16, so it is no sign of layer 1.
    SoundFormat(
        "MPEG layers 1, 2 and 3",
        (".mp1", ".mp2", ".mp3"),
        rb"ID3[\x02-\x04][^\xff]|\xff[\xe2-\xe7\xf2-\xf7\xfa-\xfd][\x10-\xef]",
    ),
    # ADTS (ISO/IEC 13818-7): the sync word, the MPEG version, and a layer that is 0.
    SoundFormat("AAC", (".aac",), rb"\xff[\xf0\xf1\xf8\xf9]"),
    # ISO/IEC 14496-12; the brands of pictures look alike.
    SoundFormat(
        "MP4", (".3gp", ".m4a", ".m4b", ".mov", ".mp4"), b"....ftyp(?!avif|hei[cx]|mif1|msf1)"
    ),
    SoundFormat("Matroska, WebM", (".mka", ".mkv", ".webm"), rb"\x1aE\xdf\xa3"),
    SoundFormat("Windows Media", (".wma",), rb"0&\xb2u\x8ef\xcf\x11"),
    SoundFormat("WavPack", (".wv",), b"wvpk"),
    SoundFormat("Monkey's Audio", (".ape",), rb"MAC .[\x0c-\x0f]"),
    SoundFormat("True Audio", (".tta",), b"TTA[12]"),
    SoundFormat("Musepack", (".mpc",), rb"MP\+[\x07\x17]|MPCK"),
    SoundFormat("AC-3", (".ac3", ".eac3"), b"\x0bw"),
    SoundFormat("AMR", (".amr",), b"#!AMR"),
)
"""Every format that is read; docs/audio.md says by what."""

_EXTENSIONS = {extension for known in SOUND_FORMATS for extension in known.extensions}
_STARTS = re.compile(b"|".join(known.start for known in SOUND_FORMATS if known.start), re.DOTALL)


def named_like_sound(name: str) -> bool:
    """Tells whether a file's extension says that it is a sound."""
    return posixpath.splitext(name)[1].lower() in _EXTENSIONS


def starts_like_sound(head: bytes) -> bool:
    """Tells whether a file's first `HEAD_BYTES` bytes say that it may be a sound."""
    return _STARTS.match(head) is not None
