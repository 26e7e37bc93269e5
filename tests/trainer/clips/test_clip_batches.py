"""Batches from disk are those from memory, and an epoch is a permutation of all clips."""

import weakref
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from trainer.clips.clip_batches import embedded_eval_batches, embedded_train_batches
from trainer.clips.embedded_clips import EmbeddedClips
from trainer.clips.feature_file import FeatureFile

CLIPS, SIZE, CLASSES = 23, 4, 3


@pytest.fixture(params=["mean", "attention"])
def clips(request: pytest.FixtureRequest) -> EmbeddedClips:
    """Clips in memory, whose first feature is the clip's number."""
    rng = np.random.default_rng(0)
    lengths = np.ones(CLIPS, np.int64) if request.param == "mean" else rng.integers(1, 4, CLIPS)
    features = rng.normal(size=(lengths.sum(), SIZE)).astype("f")
    features[:, 0] = np.repeat(np.arange(CLIPS), lengths)
    windows = np.stack([np.cumsum(lengths) - lengths, lengths], axis=1)
    targets = np.arange(CLIPS) % CLASSES
    ids = np.arange(CLIPS).astype("S")
    return EmbeddedClips(ids, features, targets, windows if request.param == "attention" else None)


def on_disk(clips: EmbeddedClips, folder: Path) -> EmbeddedClips:
    file = FeatureFile(str(folder), SIZE)
    file.write(np.arange(len(clips.features)), clips.features[:])
    return replace(clips, features=file)


def arrays(batches: Iterable[tuple[tf.Tensor, tf.Tensor]]) -> list[list[np.ndarray]]:
    return [[part.numpy() for part in tf.nest.flatten(batch)] for batch in batches]


def test_batches_from_disk_are_those_from_memory(clips: EmbeddedClips, tmp_path: Path) -> None:
    stored = on_disk(clips, tmp_path)
    for epoch in range(2):
        number = tf.constant(epoch, tf.int64)
        expected, read = (
            arrays(embedded_train_batches(where, CLASSES, 5, seed=1)(number))
            for where in (clips, stored)
        )
        assert len(expected) == 5
        for one, other in zip(expected, read, strict=True):
            for part, same in zip(one, other, strict=True):
                np.testing.assert_array_equal(part, same)


def test_an_epoch_has_every_clip_once_in_an_order_of_its_own(
    clips: EmbeddedClips, tmp_path: Path
) -> None:
    stored = on_disk(clips, tmp_path)
    batches = embedded_train_batches(stored, CLASSES, 5, seed=0)
    orders = []
    for epoch in range(3):
        read = arrays(batches(tf.constant(epoch, tf.int64)))
        # The first feature of a clip's first window is its number.
        first = np.concatenate([batch[0].reshape(len(batch[0]), -1)[:, 0] for batch in read])
        np.testing.assert_array_equal(np.sort(first), np.arange(CLIPS))
        labels = np.concatenate([batch[-1].argmax(axis=1) for batch in read])
        np.testing.assert_array_equal(labels, first.astype(int) % CLASSES)
        orders.append(first.tolist())
    assert orders[0] != orders[1] != orders[2] != list(range(CLIPS))


def test_clips_that_were_read_are_not_kept(clips: EmbeddedClips, tmp_path: Path) -> None:
    stored = on_disk(clips, tmp_path)
    batches = embedded_train_batches(stored, CLASSES, 5, seed=0)
    assert arrays(batches(tf.constant(0, tf.int64)))
    alive = weakref.ref(stored)
    del stored
    assert alive() is None
    with pytest.raises(tf.errors.OpError, match="The clips of these batches are gone"):
        arrays(batches(tf.constant(0, tf.int64)))


def test_windows_are_padded_and_masked(tmp_path: Path) -> None:
    features = np.arange(12, dtype=np.float32).reshape(6, 2)
    bounds = np.array([[3, 3], [0, 1]])
    clips = EmbeddedClips(np.array([b"a", b"b"]), features, np.array([0, 1]), bounds)
    ((windows, present), targets) = next(iter(embedded_eval_batches(clips, 2, 8)))
    np.testing.assert_array_equal(windows[0], features[3:6])
    np.testing.assert_array_equal(windows[1], [[0, 1], [0, 0], [0, 0]])
    np.testing.assert_array_equal(present, [[1, 1, 1], [1, 0, 0]])
    np.testing.assert_array_equal(targets, np.eye(2))
