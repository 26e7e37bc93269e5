"""Decodes listed files into clip examples, as a step of a Beam pipeline."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import apache_beam as beam

from components.audio_example_gen.account import REJECTS, AccountingDoFn, reject_line
from components.audio_example_gen.decoding.clip_policies import DecodedClip
from components.audio_example_gen.decoding.decoder import Decoder
from components.audio_example_gen.duplicates import Copy
from components.audio_example_gen.leaks import AcceptedFile, digest_of
from components.audio_example_gen.sources.data_root import open_tree
from components.audio_example_gen.sources.listing import RefusedError, Reject, SourceFile
from schema.config.ingest_settings import IngestSettings
from vggish.errors import AudioError
from vggish.example_features import (
    bytes_feature,
    float_feature,
    int64_feature,
    serialized_example,
)
from vggish.progress import Progress

NOISE = "noise"


class ClipReader:
    """Reads the clips of listed files, one file after the other, with one decoder.

    Args:
        root: The data root.
        ingest: Which clips are accepted, and in what shape.
    """

    def __init__(self, root: str, ingest: IngestSettings):
        self._tree = open_tree(root)
        self._decoder = Decoder(ingest)

    def clips(self, file: SourceFile) -> Iterator[DecodedClip]:
        """Yields the clips of a file.

        Raises:
            AudioError: The file is refused.
            OSError: The storage or this machine failed.
        """
        if file.refused:
            raise RefusedError(file.refused.reason, file.refused.detail)
        with self._tree.local(file.clip_id) as path:
            yield from self._decoder.clips(path, file.clip_id)

    def close(self) -> None:
        """Ends the decoder."""
        self._decoder.close()


def settled(file: SourceFile, copy: Copy | None) -> SourceFile:
    """Returns a file after the decision about copies; `copy` is None if it is unique."""
    return replace(file, split=copy.split, refused=copy.refused) if copy else file


def group_of(file: SourceFile, clip: DecodedClip) -> str | None:
    """Returns a clip's group; the parts of a recording are a group."""
    return file.group or (file.clip_id if clip.part else None)


class Tally:
    """What the clips of one file add up to.

    Attributes:
        digests: The digests of the clips that are not silent.
    """

    def __init__(self) -> None:
        self.digests: list[str] = []
        self._clips = self._silent = self._clipped = 0

    def add(self, clip: DecodedClip) -> None:
        """Adds a clip."""
        self._clips += 1
        self._clipped += clip.clipped > 0
        if clip.silent:
            self._silent += 1
        else:
            self.digests.append(digest_of(clip.pcm))

    def accepted(self, file: SourceFile, *, copy: bool) -> AcceptedFile:
        """Returns what is known of the file when all its clips are added."""
        split = file.split or ""
        return AcceptedFile(
            file.clip_id, split, file.labels, self._clips, self._silent, self._clipped, copy
        )


class _DecodeFiles(AccountingDoFn):
    """Holds the reader of a worker."""

    def __init__(self, root: str, ingest: IngestSettings):
        self._root = root
        self._ingest = ingest

    def setup(self) -> None:
        """Opens the data root."""
        self._reader = ClipReader(self._root, self._ingest)

    def teardown(self) -> None:
        """Ends the decoder."""
        self._reader.close()


class DecodeClips(_DecodeFiles):
    """Decodes a file into serialized clip examples, tagged with their split.

    Tagged outputs: one per split, of serialized `tf.train.Example`, and those of `AccountingDoFn`.

    Args:
        root: The data root.
        total: Number of files, for the progress.
        ingest: Which clips are accepted, and in what shape.
    """

    def __init__(self, root: str, total: int, ingest: IngestSettings):
        super().__init__(root, ingest)
        self._total = total

    def setup(self) -> None:
        """Opens the data root, and starts the count of this worker."""
        super().setup()
        self._progress = Progress("files", self._total)

    def process(
        self, file: SourceFile, copies: dict[str, Copy]
    ) -> Iterator[beam.pvalue.TaggedOutput]:
        """Yields the file's clips, or its refusal, and its counts."""
        self._progress.advance()
        copy = copies.get(file.clip_id)
        if copy and not copy.first:
            self._count("duplicate")
        file = settled(file, copy)
        tally = Tally()
        try:
            for clip in self._reader.clips(file):
                yield beam.pvalue.TaggedOutput(file.split, _to_record(file, clip))
                tally.add(clip)
        except AudioError as error:
            yield self._reject(file.clip_id, Reject(error.reason, str(error)))
        else:
            is_copy = copy is not None and not copy.first
            yield from self._accept(
                tally.accepted(file, copy=is_copy), group_of(file, clip), tally.digests
            )


class DecodeNoise(_DecodeFiles):
    """Decodes noise sounds into serialized clip examples without labels.

    Tagged outputs: `noise`, and those of `AccountingDoFn`.

    Args:
        root: The data root.
        ingest: Maximum length of a part of a sound.
    """

    def process(self, file: SourceFile) -> Iterator[beam.pvalue.TaggedOutput]:
        """Yields the parts of a sound, or its refusal."""
        try:
            for clip in self._reader.clips(file):
                yield beam.pvalue.TaggedOutput(NOISE, _to_record(file, clip))
        except AudioError as error:
            reject = Reject(error.reason, str(error))
            yield beam.pvalue.TaggedOutput(REJECTS, reject_line(file.clip_id, reject))
            self._count("noise_rejected")


def _to_record(file: SourceFile, clip: DecodedClip) -> bytes:
    """Builds the serialized example of a clip."""
    features = to_features(
        file.clip_id + clip.part, file.labels, group_of(file, clip), clip.duration
    ) | {
        "pcm": bytes_feature([clip.pcm]),
        "source_rate": int64_feature([clip.source_rate]),
    }
    return serialized_example(features)


def to_features(
    clip_id: str, labels: tuple[str, ...], group: str | None, duration: float | None
) -> dict[str, Any]:
    """Builds the features that every clip example has; a clip of unknown length has no duration."""
    # Parsers take a feature without a value for a fault, and fill in one that is not there.
    known = {} if duration is None else {"duration": float_feature([duration])}
    return {
        "clip_id": bytes_feature([clip_id.encode()]),
        "labels": bytes_feature(label.encode() for label in labels),
        "group": bytes_feature([] if group is None else [group.encode()]),
        **known,
    }
