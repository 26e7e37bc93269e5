"""Decodes listed files into clip examples, as a step of a Beam pipeline."""

import collections
import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import apache_beam as beam

from components.audio_example_gen.account import REJECTS, AccountingDoFn, at_end, reject_line
from components.audio_example_gen.decoding.annotated_windows import LeftOut
from components.audio_example_gen.decoding.clip_policies import DecodedClip
from components.audio_example_gen.decoding.decoder import Decoder
from components.audio_example_gen.duplicates import Copy
from components.audio_example_gen.leaks import AcceptedFile, digest_of
from components.audio_example_gen.sources.listing import SourceFile
from components.file_trees.data_root import open_tree
from components.file_trees.refusals import RefusedError, Reject
from schema.config.annotations.annotation_settings import BACKGROUND, AnnotationSettings
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

_FILES_AHEAD = 4
"""Files that are decoded while an earlier one is written."""


@dataclass
class Reading:
    """A file that is being read.

    Attributes:
        file: The file.
        path: Its path on this machine's disk, if it can be read.
        local: Holds the file there.
        fault: Why it cannot be read.
    """

    file: SourceFile
    path: str = ""
    local: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    fault: AudioError | OSError | None = None


class ClipReader:
    """Reads the clips of listed files, one file after the other, with one decoder.

    Args:
        root: The data root.
        ingest: Which clips are accepted, and in what shape.
        annotations: The windows of annotated recordings; None if there are none.
    """

    def __init__(
        self, root: str, ingest: IngestSettings, annotations: AnnotationSettings | None = None
    ):
        self._tree = open_tree(root)
        self._decoder = Decoder(ingest, annotations)

    def begin(self, file: SourceFile) -> Reading:
        """Begins to decode a file; `finish` must be called for all files in their order."""
        reading = Reading(file)
        if file.refused:
            reading.fault = RefusedError(file.refused.reason, file.refused.detail)
            return reading
        try:
            reading.path = reading.local.enter_context(self._tree.local(file.clip_id))
        except (AudioError, OSError) as fault:
            reading.fault = fault
        else:
            self._decoder.announce(reading.path, file.clip_id, file.events)
        return reading

    def finish(self, reading: Reading) -> Iterator[DecodedClip | LeftOut]:
        """Yields the clips of a file, and the numbers of windows that are none.

        Raises:
            AudioError: The file is refused.
            OSError: The storage or this machine failed.
        """
        with reading.local:
            if reading.fault is not None:
                raise reading.fault
            file = reading.file
            yield from self._decoder.clips(reading.path, file.clip_id, file.events)

    def clips(self, file: SourceFile) -> Iterator[DecodedClip | LeftOut]:
        """Reads one file alone; see `finish`."""
        yield from self.finish(self.begin(file))

    def forget(self) -> None:
        """Forgets the files that were begun."""
        self._decoder.forget()

    def close(self) -> None:
        """Ends the decoder."""
        self._decoder.close()


def settled(file: SourceFile, copy: Copy | None) -> SourceFile:
    """Returns a file after the decision about copies; `copy` is None if it is unique."""
    return replace(file, split=copy.split, refused=copy.refused) if copy else file


def labels_of(file: SourceFile, clip: DecodedClip) -> tuple[str, ...]:
    """Returns a clip's class names: its own, or those of its file."""
    return file.labels if clip.labels is None else clip.labels


def group_of(file: SourceFile, clip: DecodedClip) -> str | None:
    """Returns a clip's group; the parts of a recording are a group."""
    return file.group or (file.clip_id if clip.part else None)


class Tally:
    """What the clips of one file add up to.

    Args:
        file: The file.

    Attributes:
        digests: The digests of the clips that are not silent.
        group: The group of the clips, or None.
    """

    def __init__(self, file: SourceFile) -> None:
        self.digests: list[str] = []
        self.group = file.group
        self._file = file
        self._clips_by_label: collections.Counter[str] = collections.Counter()
        self._clips = self._silent = self._clipped = self._background = self._left_out = 0

    def counted(self, clips: Iterable[DecodedClip | LeftOut]) -> Iterator[DecodedClip]:
        """Yields the clips of the file, and counts them and the windows that are left out."""
        for clip in clips:
            if isinstance(clip, LeftOut):
                self._left_out += clip.left_out
            else:
                self._add(clip)
                yield clip

    def _add(self, clip: DecodedClip) -> None:
        self._clips += 1
        self._clipped += clip.clipped > 0
        self._background += self._file.background or clip.labels in ((), (BACKGROUND,))
        self._clips_by_label.update(labels_of(self._file, clip))
        self.group = group_of(self._file, clip)
        if clip.silent:
            self._silent += 1
        else:
            self.digests.append(digest_of(clip.pcm))

    def accepted(self, *, copy: bool) -> AcceptedFile:
        """Returns what is known of the file when all its clips are counted."""
        return AcceptedFile(
            clip_id=self._file.clip_id,
            split=self._file.split or "",
            clips_by_label=tuple(sorted(self._clips_by_label.items())),
            clips=self._clips,
            silent=self._silent,
            clipped=self._clipped,
            copy=copy,
            background=self._background,
            left_out=self._left_out,
        )


class _DecodeFiles(AccountingDoFn):
    """Holds the reader of a worker."""

    def __init__(
        self, root: str, ingest: IngestSettings, annotations: AnnotationSettings | None = None
    ):
        self._root = root
        self._ingest = ingest
        self._annotations = annotations

    def setup(self) -> None:
        """Opens the data root."""
        self._reader = ClipReader(self._root, self._ingest, self._annotations)

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
        annotations: The windows of annotated recordings.
    """

    def __init__(
        self, root: str, total: int, ingest: IngestSettings, annotations: AnnotationSettings
    ):
        super().__init__(root, ingest, annotations)
        self._total = total

    def setup(self) -> None:
        """Opens the data root, and starts the count of this worker."""
        super().setup()
        self._progress = Progress("files", self._total)

    def start_bundle(self) -> None:
        """Forgets the files of a bundle that failed."""
        super().start_bundle()
        self._reader.forget()
        self._begun: collections.deque[tuple[Reading, Copy | None]] = collections.deque()

    def process(
        self, file: SourceFile, copies: dict[str, Copy]
    ) -> Iterator[beam.pvalue.TaggedOutput]:
        """Begins to decode the file; yields what an earlier one gave."""
        copy = copies.get(file.clip_id)
        self._begun.append((self._reader.begin(settled(file, copy)), copy))
        if len(self._begun) > _FILES_AHEAD:
            yield from self._oldest()

    def finish_bundle(self) -> Iterator[beam.pvalue.TaggedOutput]:
        """Yields what the last files gave, and the account."""
        while self._begun:
            for output in self._oldest():
                yield at_end(output.tag, output.value)
        yield from super().finish_bundle()

    def _oldest(self) -> Iterator[beam.pvalue.TaggedOutput]:
        """Yields the clips of the file that was begun first, or its refusal, and counts it."""
        reading, copy = self._begun.popleft()
        file = reading.file
        self._progress.advance()
        is_copy = copy is not None and not copy.first
        if is_copy:
            self._count("duplicate")
        tally = Tally(file)
        try:
            for clip in tally.counted(self._reader.finish(reading)):
                yield beam.pvalue.TaggedOutput(file.split, _to_record(file, clip))
        except AudioError as error:
            yield self._reject(file.clip_id, Reject(error.reason, str(error)))
        else:
            yield from self._accept(tally.accepted(copy=is_copy), tally.group, tally.digests)


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
            for clip in Tally(file).counted(self._reader.clips(file)):
                yield beam.pvalue.TaggedOutput(NOISE, _to_record(file, clip))
        except AudioError as error:
            reject = Reject(error.reason, str(error))
            yield beam.pvalue.TaggedOutput(REJECTS, reject_line(file.clip_id, reject))
            self._count("noise_rejected")


def _to_record(file: SourceFile, clip: DecodedClip) -> bytes:
    """Builds the serialized example of a clip."""
    facts = ClipFacts(
        file.clip_id + clip.part,
        labels_of(file, clip),
        group_of(file, clip),
        file.fold,
        clip.duration,
    )
    features = to_features(facts) | {
        "pcm": bytes_feature([clip.pcm]),
        "source_rate": int64_feature([clip.source_rate]),
    }
    return serialized_example(features)


class ClipFacts(NamedTuple):
    """What every clip example says; None stands for what is unknown."""

    clip_id: str
    labels: tuple[str, ...]
    group: str | None
    fold: str | None
    duration: float | None


def to_features(facts: ClipFacts) -> dict[str, Any]:
    """Builds the features that every clip example has; a clip of unknown length has no duration."""
    # Parsers take a feature without a value for a fault, and fill in one that is not there.
    known = {} if facts.duration is None else {"duration": float_feature([facts.duration])}
    return {
        "clip_id": bytes_feature([facts.clip_id.encode()]),
        "labels": bytes_feature(label.encode() for label in facts.labels),
        "group": bytes_feature([] if facts.group is None else [facts.group.encode()]),
        "fold": bytes_feature([] if facts.fold is None else [facts.fold.encode()]),
        **known,
    }
