"""Whether the evaluation is sliced by group: not where groups are nearly as many as clips."""

import logging
from collections import Counter
from collections.abc import Sequence

import tensorflow as tf
from google.protobuf import json_format
from tensorflow_model_analysis.proto.config_pb2 import EvalConfig

from components.evaluation_results import LEAST_CLIPS
from schema import clip_examples

_CLIPS_A_READ = 64


def without_small_groups(eval_config: str, files: Sequence[str]) -> str:
    """Leaves the slices by group out if groups have too few clips to be shown.

    Every group is a slice with all metrics. With a group for nearly every clip, as the videos of
    AudioSet, that takes far longer than all else, and the report shows none of them.

    Args:
        eval_config: The Evaluator's configuration as JSON.
        files: TFRecord files of the clips.

    Returns:
        The configuration as JSON; unchanged if groups have `LEAST_CLIPS` clips on average.
    """
    config = json_format.Parse(eval_config, EvalConfig())
    others = [spec for spec in config.slicing_specs if clip_examples.GROUP not in spec.feature_keys]
    if len(others) == len(config.slicing_specs):
        return eval_config
    clips = _count_clips(files)
    if not clips or clips.total() >= LEAST_CLIPS * len(clips):
        return eval_config
    logging.getLogger(__name__).info(
        "%d clips have %d groups, too many to score each.", clips.total(), len(clips)
    )
    del config.slicing_specs[:]
    config.slicing_specs.extend(others)
    return json_format.MessageToJson(config, preserving_proto_field_name=True)


def _count_clips(files: Sequence[str]) -> Counter[bytes]:
    """Counts the clips of each group."""
    spec = {clip_examples.GROUP: tf.io.RaggedFeature(tf.string)}
    groups: Counter[bytes] = Counter()
    for records in tf.data.TFRecordDataset(list(files)).batch(_CLIPS_A_READ):
        parsed = tf.io.parse_example(records, spec)
        groups.update(parsed[clip_examples.GROUP].values.numpy().tolist())
    return groups
