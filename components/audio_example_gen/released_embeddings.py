"""Turns AudioSet's released features into examples, as a step of a Beam pipeline."""

from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np

from components.audio_example_gen.account import AccountingDoFn
from components.audio_example_gen.clip_reading import ClipFacts, to_features
from components.audio_example_gen.leaks import AcceptedFile, digest_of, one_clip
from components.audio_example_gen.sources.audioset import ReleasedClip, read_released_clips
from components.audio_example_gen.sources.listing import SourceFile
from components.audio_example_gen.splits.hashed_splits import split_of
from components.file_trees.data_root import open_tree
from components.file_trees.refusals import Reject
from schema.config.source_settings import SourceSettings
from schema.config.split_settings import SplitSettings
from vggish.example_features import float_feature, serialized_example
from vggish.progress import Progress


class ReadEmbeddings(AccountingDoFn):
    """Reads a record file into serialized examples with `embedding`, tagged with their split.

    The outputs are those of `DecodeClips`; an example has `embedding` (float32, n x 128 values)
    instead of sound.

    Args:
        root: The data root.
        names: The class names by number, or None.
        source: The source.
        split: How clips are assigned to splits if the listing gives the file no split.
    """

    def __init__(
        self,
        root: str,
        names: tuple[str, ...] | None,
        source: SourceSettings,
        split: SplitSettings,
    ):
        self._root = root
        self._names = names
        self._source = source
        self._split = split

    def setup(self) -> None:
        """Opens the data root, and starts the count of this worker."""
        self._tree = open_tree(self._root)
        self._progress = Progress("records")

    def process(self, file: SourceFile) -> Iterator[beam.pvalue.TaggedOutput]:
        """Yields the file's clips and refusals, and their counts."""
        if file.refused:
            self._count("found")
            yield self._reject(file.clip_id, file.refused)
            return
        for read in read_released_clips(self._tree, file.clip_id, self._names, self._source):
            self._progress.advance()
            self._count("found")
            match read:
                case ReleasedClip():
                    yield from self._written(read, file.split)
                case (str(clip_id), Reject() as reject):
                    yield self._reject(clip_id, reject)

    def _written(self, clip: ReleasedClip, split: str | None) -> Iterator[beam.pvalue.TaggedOutput]:
        split = split or split_of(clip.video, self._split)
        facts = ClipFacts(clip.clip_id, clip.labels, clip.video, None, clip.seconds)
        features = to_features(facts) | {"embedding": float_feature(clip.embedding.ravel())}
        yield beam.pvalue.TaggedOutput(split, serialized_example(features))
        file = accepted_record(clip, split)
        yield from self._accept(file, clip.video, [digest_of(clip.embedding.tobytes())])


def accepted_record(clip: ReleasedClip, split: str) -> AcceptedFile:
    """Returns what is known of a record that is written."""
    content = digest_of_record(clip.embedding, clip.labels)
    labels = one_clip(clip.labels)
    return AcceptedFile(clip.clip_id, split, labels, record=clip.record, content=content)


def digest_of_record(embedding: np.ndarray, labels: Iterable[str]) -> str:
    """Returns a digest of what tells records with one id apart: features, float32, and labels."""
    return digest_of(embedding.tobytes() + "\n".join(labels).encode())
