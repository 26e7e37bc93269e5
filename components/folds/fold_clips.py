"""What decides the fold of a clip, from the clip examples."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from schema import clip_examples

_CLIPS_AT_ONCE = 64


@dataclass(frozen=True)
class FoldClip:
    """A clip.

    Attributes:
        clip_id: Its id.
        labels: Class names.
        group: Name of its group, or None.
        fold: Fold that the source gives, or None.
        digest: Digest of its samples or embeddings.
        split: The part that it is dealt to, or None.
    """

    clip_id: str
    labels: tuple[str, ...]
    group: str | None
    fold: str | None
    digest: bytes = b""
    split: str | None = None

    @property
    def unit(self) -> str:
        """What decides its fold: its group or, without one, its id."""
        return self.group or self.clip_id


def read_fold_clips(examples: Artifact, splits: Sequence[str]) -> Iterator[FoldClip]:
    """Reads the clips of some splits.

    Args:
        examples: AudioExampleGen's `examples`.
        splits: Names of the splits.

    Yields:
        The clips.
    """
    patterns = [
        os.path.join(artifact_utils.get_split_uri([examples], split), "*") for split in splits
    ]
    files = sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
    spec = {
        **clip_examples.labelled_clip_spec(),
        **clip_examples.fold_spec(),
        # A clip has one of the two.
        clip_examples.PCM: tf.io.RaggedFeature(tf.string),
        clip_examples.EMBEDDING: tf.io.RaggedFeature(tf.float32),
    }
    for batch in tf.data.TFRecordDataset(files).batch(_CLIPS_AT_ONCE):
        parsed = tf.io.parse_example(batch, spec)
        ids = parsed[clip_examples.CLIP_ID].numpy()
        labels, groups, folds = (
            parsed[key].to_list()
            for key in (clip_examples.LABELS, clip_examples.GROUP, clip_examples.FOLD)
        )
        sounds = parsed[clip_examples.PCM].to_list()
        embeddings = parsed[clip_examples.EMBEDDING]
        vectors = np.split(embeddings.values.numpy(), embeddings.row_splits.numpy()[1:-1])
        for i, clip_id in enumerate(ids):
            content = b"".join(sounds[i]) or vectors[i].tobytes()
            yield FoldClip(
                clip_id.decode(),
                tuple(label.decode() for label in labels[i]),
                next((group.decode() for group in groups[i]), None),
                next((fold.decode() for fold in folds[i]), None),
                hashlib.sha256(content).digest(),
            )
