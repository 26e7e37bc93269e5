"""The report's distances of splits from the training split."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tfx.types import artifact_utils, standard_artifacts

from components.report.drift import measure_drift
from schema.embedded_clips import to_table
from vggish.distances.frechet import frechet_distance
from vggish.distances.gaussian import Gaussian

SIZE = 6


@pytest.fixture
def embeddings(tmp_path: Path) -> standard_artifacts.Examples:
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path)
    artifact.split_names = artifact_utils.encode_split_names(["train", "eval", "test"])
    return artifact


def write_split(folder: Path, split: str, windows: np.ndarray) -> None:
    """Writes clips of two windows, in two files."""
    (folder / f"Split-{split}").mkdir()
    for number, part in enumerate(np.split(windows.astype(np.float32), 2)):
        clips = len(part) // 2
        names = [f"{number}-{i}" for i in range(clips)]
        table = to_table(names, [["a"]] * clips, [[0]] * clips, np.full(clips, 2), part)
        pq.write_table(table, folder / f"Split-{split}" / f"{number}.parquet")


def test_distances_are_those_of_all_windows(embeddings, tmp_path) -> None:
    rng = np.random.default_rng(0)
    windows = {
        "train": rng.normal(size=(200, SIZE)).astype(np.float32),
        "eval": rng.normal(1, 1, size=(40, SIZE)).astype(np.float32),
        "test": rng.normal(size=(4, SIZE)).astype(np.float32),
    }
    for split, values in windows.items():
        write_split(tmp_path, split, values)
    train = Gaussian.of(windows["train"])
    found = measure_drift(embeddings, train)
    expected = frechet_distance(train, Gaussian.of(windows["eval"]))
    assert found == {
        "eval": {"windows": 40, "distance": pytest.approx(expected, rel=1e-9)},
        "test": {"windows": 4, "distance": None},  # Fewer than features.
    }


def test_without_embeddings_or_statistics_there_are_none(embeddings) -> None:
    assert measure_drift(None, Gaussian.of(np.eye(SIZE))) == {}
    assert measure_drift(embeddings, None) == {}
