"""How sounds are told from other files."""

import posixpath

from components.audio_example_gen.sources.file_tree import Entry, FileTree
from vggish.audio.decoding import ffmpeg

SOUND_EXTENSIONS = frozenset(
    [
        ".3gp",
        ".aac",
        ".aif",
        ".aifc",
        ".aiff",
        ".au",
        ".caf",
        ".flac",
        ".m4a",
        ".m4b",
        ".mka",
        ".mkv",
        ".mov",
        ".mp3",
        ".mp4",
        ".oga",
        ".ogg",
        ".opus",
        ".pcm",
        ".raw",
        ".rf64",
        ".snd",
        ".w64",
        ".wav",
        ".wave",
        ".webm",
    ]
)
"""Files with these extensions are meant to be sounds; they are refused if they are not."""

_MAGIC = (b"RIFX", b"RF64", b"riff", b"fLaC", b"OggS", b"ID3", b"caff", b".snd")
_MP4_PICTURES = (b"avif", b"heic", b"heix", b"mif1", b"msf1")
_HEAD_BYTES = 16


def is_sound_name(name: str) -> bool:
    """Tells whether a file's name says that it is a sound."""
    return posixpath.splitext(name)[1].lower() in SOUND_EXTENSIONS


def is_sound(entry: Entry, tree: FileTree) -> bool:
    """Tells whether a file is a sound.

    Args:
        entry: The file.
        tree: The data root.

    Returns:
        True if the name or the content says so.
    """
    if is_sound_name(entry.path) or entry.path.endswith("/"):
        return True
    if entry.refused or entry.size < _HEAD_BYTES:
        return False
    head = tree.head(entry.path, _HEAD_BYTES)
    if head.startswith(b"RIFF"):
        return head[8:12] == b"WAVE"
    if head.startswith(b"FORM"):
        return head[8:11] == b"AIF"
    if head[4:8] == b"ftyp" and head[8:12] in _MP4_PICTURES:
        return False
    return head.startswith(_MAGIC) or ffmpeg.container_of(head) is not None
