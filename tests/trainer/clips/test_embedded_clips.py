"""Reading cached embeddings."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import tensorflow as tf

from schema.embedded_clips import to_table
from trainer.clips.embedded_clips import load_embedded_clips
from trainer.heads.pooling import pool_windows


def write(path: Path, clips: dict[bytes, tuple[list[int], np.ndarray]]) -> None:
    label_ids, embeddings = zip(*clips.values(), strict=True)
    table = to_table(
        [clip_id.decode() for clip_id in clips],
        [[] for _ in clips],
        label_ids,
        np.array([len(embedding) for embedding in embeddings]),
        np.concatenate(embeddings).astype(np.float32),
    )
    pq.write_table(table, path, row_group_size=1)


def test_clips_are_pooled_and_in_the_order_of_their_ids(tmp_path: Path) -> None:
    one_window, two_windows = np.array([[1.0, 2.0]]), np.array([[0.0, 4.0], [2.0, 8.0]])
    write(tmp_path / "x-0.parquet", {b"c": ([2], one_window), b"a": ([0], two_windows)})
    write(tmp_path / "x-1.parquet", {b"b": ([1], one_window * 3)})
    clips = load_embedded_clips([f"{tmp_path}/x*"], 2, 3, multi_label=False)
    assert clips.clip_ids.tolist() == [b"a", b"b", b"c"]
    assert clips.targets.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(clips.features[:], [[1, 6], [3, 6], [1, 2]])


def test_several_labels_are_ones(tmp_path: Path) -> None:
    window = np.array([[1.0, 2.0]])
    write(tmp_path / "x", {b"a": ([2, 0], window), b"b": ([], window), b"c": ([1], window)})
    clips = load_embedded_clips([f"{tmp_path}/x*"], 2, 3, multi_label=True)
    np.testing.assert_array_equal(clips.targets, [[1, 0, 1], [0, 0, 0], [0, 1, 0]])
    assert clips.targets.dtype == np.float32


def test_labels_that_are_no_class_are_ignored(tmp_path: Path) -> None:
    window = np.array([[1.0, 2.0]])
    write(tmp_path / "x", {b"a": ([-1], window), b"b": ([], window), b"c": ([-1, 1], window)})
    several = load_embedded_clips([f"{tmp_path}/x*"], 2, 3, multi_label=True)
    np.testing.assert_array_equal(several.targets, [[0, 0, 0], [0, 0, 0], [0, 1, 0]])
    write(tmp_path / "y", {b"a": ([-1], window), b"b": ([1], window * 2)})
    one = load_embedded_clips([f"{tmp_path}/y*"], 2, 3, multi_label=False)
    assert (one.clip_ids.tolist(), one.targets.tolist()) == ([b"b"], [1])
    np.testing.assert_array_equal(one.features[:], [[2, 4]])


def test_pooling_averages_over_each_clips_own_windows() -> None:
    ragged = tf.RaggedTensor.from_row_lengths(tf.constant([[1.0], [3.0], [10.0]]), [2, 1])
    np.testing.assert_array_equal(pool_windows(ragged).numpy(), [[2], [10]])


def test_windows_are_kept_for_attention_alone(tmp_path: Path) -> None:
    one_window, two_windows = np.array([[1.0, 2.0]]), np.array([[0.0, 4.0], [2.0, 8.0]])
    write(tmp_path / "x", {b"b": ([0], two_windows), b"a": ([0], one_window)})
    clips = load_embedded_clips([f"{tmp_path}/x*"], 2, 1, multi_label=False, pooling="attention")
    np.testing.assert_array_equal(clips.windows, [[2, 1], [0, 2]])
    np.testing.assert_array_equal(clips.features[:], [[0, 4], [2, 8], [1, 2]])
    both = load_embedded_clips([f"{tmp_path}/x*"], 2, 1, multi_label=False, pooling="mean_max")
    assert both.windows is None
    np.testing.assert_array_equal(both.features[:], [[1, 2, 1, 2], [1, 6, 2, 8]])
