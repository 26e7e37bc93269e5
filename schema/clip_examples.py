"""The features of a clip example at each stage of the pipeline, and their parsing specs.

`schema/schema.pbtxt` curates the first stage for validation; the names here are the contract
between the nodes and the served model.
"""

import tensorflow as tf

from schema.durations import DURATION_BUCKETS, DURATION_EDGES, UNKNOWN_DURATION

CLIP_ID = "clip_id"
PCM = "pcm"
LABELS = "labels"
LOG_MEL = "log_mel"
LABEL_IDS = "label_ids"
EMBEDDING = "embedding"
TARGETS = "targets"
GROUP = "group"
FOLD = "fold"
DURATION = "duration"

LABEL_VOCABULARY = "labels"
"""The name of the vocabulary file of class names in the transform graph."""


def clip_id_spec() -> dict[str, tf.io.FixedLenFeature]:
    """Returns the spec of what identifies a clip: `clip_id`, bytes [batch]."""
    return {CLIP_ID: tf.io.FixedLenFeature([], tf.string)}


def pcm_spec() -> dict[str, tf.io.FixedLenFeature]:
    """Returns the spec of what a served model parses: `pcm`, bytes [batch]."""
    return {PCM: tf.io.FixedLenFeature([], tf.string)}


def labels_spec() -> dict[str, tf.io.RaggedFeature]:
    """Returns the spec of class names: `labels`, ragged bytes [batch, k]."""
    return {LABELS: tf.io.RaggedFeature(tf.string)}


def labelled_clip_spec() -> dict[str, tf.io.FixedLenFeature | tf.io.RaggedFeature]:
    """Returns the spec of a clip's facts.

    `clip_id`, bytes [batch]; `labels` and `group` (none or one), ragged bytes [batch, k].
    """
    return {**clip_id_spec(), **labels_spec(), GROUP: tf.io.RaggedFeature(tf.string)}


def fold_spec() -> dict[str, tf.io.RaggedFeature]:
    """Returns the spec of the fold that the source gives: `fold` (none or one), [batch, k]."""
    return {FOLD: tf.io.RaggedFeature(tf.string)}


def duration_spec() -> dict[str, tf.io.FixedLenFeature]:
    """Returns the spec of a clip's length: `duration`, float32 [batch] seconds, -1 if absent."""
    return {DURATION: tf.io.FixedLenFeature([], tf.float32, default_value=-1.0)}


def duration_buckets(seconds: tf.Tensor) -> tf.Tensor:
    """Names each clip's bucket of length.

    Args:
        seconds: float32 [batch]; negative if unknown.

    Returns:
        bytes [batch], of `DURATION_BUCKETS` or `UNKNOWN_DURATION`.
    """
    bucket = tf.searchsorted(tf.constant(DURATION_EDGES), seconds, side="left")
    return tf.where(seconds < 0, UNKNOWN_DURATION, tf.gather(tf.constant(DURATION_BUCKETS), bucket))


def embedding_spec(size: int) -> dict[str, tf.io.FixedLenFeature | tf.io.RaggedFeature]:
    """Returns the spec of an embedded clip.

    Args:
        size: Number of features of a window, D.

    Returns:
        `clip_id` bytes [batch], `label_ids` int64, ragged [batch, k], and `embedding` float32,
        ragged [batch, n, D].
    """
    return {
        **clip_id_spec(),
        LABEL_IDS: tf.io.RaggedFeature(tf.int64),
        EMBEDDING: tf.io.RaggedFeature(
            tf.float32, partitions=[tf.io.RaggedFeature.UniformRowLength(size)]
        ),
    }
