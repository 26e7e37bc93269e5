"""Copies of one sound: kept in one split.

Files with identical bytes are found before decoding. Only labelled files of the same size can be
identical, so only these are read and hashed. The same samples in two codings, or in two records,
are found by their traces (`leaks`) when all is decoded. Workers exchange hashes alone, never
sounds.
"""

import collections
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from components.audio_example_gen.leaks import AcceptedFile
from components.audio_example_gen.sources.listing import SourceFile
from components.file_trees.refusals import Reject
from schema.config.ingest_settings import IngestSettings
from schema.config.split_settings import UNLABELLED

_BLOCK_BYTES = 64 << 10

_PRECEDENCE = ("test", "eval", "train")
"""The first of these splits keeps a sound that the source puts into several splits.

So a published test set stays whole."""


@dataclass(frozen=True)
class Copy:
    """The decision about a file that is identical to another one.

    Attributes:
        split: Split of the file.
        refused: Why the file is refused, or None.
        first: Whether the others count as copies of this file.
    """

    split: str | None
    refused: Reject | None
    first: bool


def may_be_copies(files: Iterable[SourceFile]) -> list[SourceFile]:
    """Returns the files that have the same size as another file."""
    by_size = collections.defaultdict(list)
    for file in files:
        if not file.refused and file.split not in (None, UNLABELLED) and file.size:
            by_size[file.size].append(file)
    return [file for same in by_size.values() if len(same) > 1 for file in same]


def content_digest(path: str) -> str:
    """Returns a digest of a file's bytes.

    Raises:
        OSError: It cannot be read.
    """
    digest = hashlib.sha256()
    # hashlib.file_digest clears a buffer of 256 kB first, which takes longer than a short clip.
    with open(path, "rb", buffering=0) as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


@dataclass(frozen=True)
class SameSounds:
    """The decisions about accepted files that hold the same sound.

    Attributes:
        refused: The files to take out again, and why, by their keys.
        copies: The key of every file that counts as a copy of another one, and was not counted
            before decoding.
    """

    refused: dict[tuple[str, str], tuple[AcceptedFile, Reject]]
    copies: set[tuple[str, str]]


def settle_same_sounds(
    same: Iterable[Sequence[AcceptedFile]], ingest: IngestSettings
) -> SameSounds:
    """Decides about accepted files that hold the same sound, as `settle` does.

    Args:
        same: The files of each sound that several files hold. The parts of a recording are one
            file, which is refused as a whole.
        ingest: Whether to keep all copies in one split.

    Returns:
        The decisions. No sound is lost: a file is refused for the sake of one that stays.
    """
    ordered = sorted(same, key=lambda files: min(file.key[1] for file in files))
    found = SameSounds({}, set())
    for files in ordered:
        _refuse_same_records(files, found)
    for split in _PRECEDENCE:
        for files in ordered:
            left = {file.key: file for file in files if file.key not in found.refused}
            if len(left) < 2 or all(file.split != split for file in left.values()):
                continue
            sources = [SourceFile(name, split=of_file) for of_file, name in left]
            for source, copy in settle(sources, ingest):
                file = left[source.split or "", source.clip_id]
                if not copy.first and not file.copy:
                    found.copies.add(file.key)
                if copy.refused:
                    found.refused[file.key] = file, copy.refused
    return found


def _refuse_same_records(files: Sequence[AcceptedFile], found: SameSounds) -> None:
    """Refuses records of one split that have the id and the sound of another one.

    No setting keeps them, since nothing could tell them apart.
    """
    first: dict[tuple[str, str], AcceptedFile] = {}
    for file in files:
        kept = first.setdefault((file.split, file.clip_id), file)
        if kept is not file:
            detail = f"is a copy of {kept.record}, which is in {kept.split}"
            found.refused[file.key] = file, Reject("duplicate", detail)
            found.copies.add(file.key)


def settle(copies: Sequence[SourceFile], ingest: IngestSettings) -> list[tuple[SourceFile, Copy]]:
    """Decides about files that are identical.

    Files that the source does not place in a split go to the split of the first file. If the source
    places some, the first of their splits in the order test, eval, train keeps the sound. Copies in
    other splits are refused; no sound is lost.

    Args:
        copies: Two or more files.
        ingest: Whether to keep one of them, or all in one split.

    Returns:
        The files with the decisions.
    """
    ordered = sorted(copies, key=lambda file: file.clip_id)
    placed = {file.split for file in ordered if not file.free}
    split = next((name for name in _PRECEDENCE if name in placed), ordered[0].split)
    if not placed:
        ordered = [replace(file, split=split) for file in ordered]
    first = next(file for file in ordered if file.split == split)
    settled = []
    for file in ordered:
        elsewhere = file.split != split
        one_too_many = file is not first and ingest.duplicates == "drop"
        detail = f"is a copy of {first.clip_id}, which is in {split}"
        refused = Reject("duplicate", detail) if elsewhere or one_too_many else None
        settled.append((file, Copy(split, refused, file is first)))
    return settled
