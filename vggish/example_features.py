"""Builders of `tf.train` messages."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf


def bytes_feature(values: Iterable[bytes]) -> tf.train.Feature:
    """Builds a feature of byte strings."""
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def int64_feature(values: Iterable[int]) -> tf.train.Feature:
    """Builds a feature of integers."""
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def float_feature(values: np.ndarray | Sequence[float]) -> tf.train.Feature:
    """Builds a feature of float32 numbers."""
    # Protocol buffers take Python's numbers much faster than NumPy's.
    numbers = values.tolist() if isinstance(values, np.ndarray) else values
    return tf.train.Feature(float_list=tf.train.FloatList(value=numbers))


def serialized_example(features: Mapping[str, tf.train.Feature]) -> bytes:
    """Builds a `tf.train.Example` and serializes it."""
    example = tf.train.Example(features=tf.train.Features(feature=features))
    serialized: bytes = example.SerializeToString()
    return serialized
