"""Files with identical content: found before decoding, and kept from straddling splits.

Only what may be identical is read: labelled files of the same size as another one. What is read is
hashed, and of the hashes alone those of identical files meet, so that the sounds themselves need
never be brought together.
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
"""Which split keeps a sound that the source puts into several: a published test set stays whole."""


@dataclass(frozen=True)
class Copy:
    """What becomes of a file that is identical to another one.

    Attributes:
        split: The split that it is written to.
        refused: Why it is refused, or None.
        first: Whether it is the one that counts; the others are its copies.
    """

    split: str | None
    refused: Reject | None
    first: bool


def may_be_copies(files: Iterable[SourceFile]) -> list[SourceFile]:
    """Returns the files of which another one has the same size."""
    by_size = collections.defaultdict(list)
    for file in files:
        if not file.refused and file.split not in (None, UNLABELLED) and file.size:
            by_size[file.size].append(file)
    return [file for same in by_size.values() if len(same) > 1 for file in same]


def content_digest(path: str) -> str:
    """Returns a digest of a file's bytes, the same for the same bytes alone.

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

    Those whose split nothing but their own names decided go where the first of them is. As soon as
    the source itself places one, its split keeps it, that of the highest precedence (test, eval,
    train) where it places several; copies elsewhere are refused, by which nothing is lost.

    Args:
        copies: Two files or more.
        ingest: Whether one of them is to be kept, or all that are in one split.

    Returns:
        By the ids of the files, what becomes of them.
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
