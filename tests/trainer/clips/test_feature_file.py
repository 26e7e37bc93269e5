"""Features on disk."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from trainer.clips import feature_file
from trainer.clips.feature_file import FeatureFile, row_blocks
from vggish.errors import ConfigError

ROWS = np.random.default_rng(0).normal(size=(7, 3)).astype("f")


@pytest.fixture
def stored(tmp_path: Path) -> FeatureFile:
    """The rows, written out of order and in two parts."""
    file = FeatureFile(str(tmp_path), 3)
    order = np.array([6, 0, 2, 5, 1, 3, 4])
    file.write(order[:4], ROWS[order[:4]])
    file.write(order[4:], ROWS[order[4:]])
    return file


def test_it_reads_like_an_array(stored: FeatureFile) -> None:
    assert (len(stored), stored.shape) == (7, (7, 3))
    for rows in (slice(None), slice(2, 5), slice(5, 99), np.array([6, 0, 0]), np.array([], int)):
        np.testing.assert_array_equal(stored[rows], ROWS[rows])


def test_nothing_is_left_in_the_folder(stored: FeatureFile, tmp_path: Path) -> None:
    assert len(stored) == 7
    assert list(tmp_path.iterdir()) == []


def test_blocks_are_all_rows_or_those_that_are_named(
    stored: FeatureFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_file, "_BLOCK_NUMBERS", 6)
    blocks = list(row_blocks(stored))
    assert [len(block) for block in blocks] == [2, 2, 2, 1]
    np.testing.assert_array_equal(np.concatenate(blocks), ROWS)
    some = np.array([1, 4, 6])
    np.testing.assert_array_equal(np.concatenate(list(row_blocks(stored, some))), ROWS[some])


def test_a_full_disk_is_said_in_a_sentence(
    stored: FeatureFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", no_space)
    with pytest.raises(ConfigError, match="disk is full after 7 rows of 3 features"):
        stored.write(np.array([7]), ROWS[:1])
