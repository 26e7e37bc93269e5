"""Files with identical content: found before decoding, and kept in one split.

Only labelled files of the same size can be identical, so only these are read and hashed. Workers
exchange the hashes alone, never the sounds.
"""

import collections
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from components.audio_example_gen.sources.listing import Reject, SourceFile
from schema.config.ingest_settings import IngestSettings
from schema.config.split_settings import UNLABELLED

_BLOCK_BYTES = 1 << 20
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
    with open(path, "rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def settle(copies: Sequence[SourceFile], ingest: IngestSettings) -> dict[str, Copy]:
    """Decides about files that are identical.

    Files that the source does not place in a split go to the split of the first file. If the source
    places some, the first of their splits in the order test, eval, train keeps the sound. Copies in
    other splits are refused; no sound is lost.

    Args:
        copies: Two or more files.
        ingest: Whether to keep one of them, or all in one split.

    Returns:
        The decisions by the ids of the files.
    """
    ordered = sorted(copies, key=lambda file: file.clip_id)
    placed = {file.split for file in ordered if not file.free}
    split = next((name for name in _PRECEDENCE if name in placed), ordered[0].split)
    if not placed:
        ordered = [replace(file, split=split) for file in ordered]
    first = next(file for file in ordered if file.split == split)
    settled = {}
    for file in ordered:
        elsewhere = file.split != split
        one_too_many = file is not first and ingest.duplicates == "drop"
        detail = f"is identical to {first.clip_id}, which is in {split}"
        refused = Reject("duplicate", detail) if elsewhere or one_too_many else None
        settled[file.clip_id] = Copy(split, refused, file is first)
    return settled
