"""`vggish-tfx distance`: its forms of sets, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import tensorflow as tf
from typer.testing import CliRunner

from pipeline.cli.main import app
from schema.model_card import write_model_card
from schema.training_statistics import write_training_statistics
from vggish.distances.frechet import frechet_distance
from vggish.distances.gaussian import Gaussian
from vggish.errors import VggishError

MFCC = ("--features", "mfcc")


def distance(*arguments: object) -> dict:
    result = CliRunner().invoke(app, ["distance", "--json", *map(str, arguments)])
    if result.exception:
        raise result.exception
    return json.loads(result.output)


def write_sounds(folder: Path, seed: int, noise: float = 0.0) -> Path:
    """24 tones of 5 s, five windows each."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    seconds = np.arange(80_000) / 16_000
    for number in range(24):
        pitch = rng.uniform(200, 2_000) * (
            1 + 0.3 * np.sin(2 * np.pi * rng.uniform(1, 5) * seconds)
        )
        tone = 0.3 * np.sin(2 * np.pi * np.cumsum(pitch) / 16_000)
        sound = tone + rng.normal(0, 0.01 + noise, seconds.size)
        soundfile.write(folder / f"{number}.wav", sound.clip(-1, 1), 16_000)
    return folder


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sets")
    return {
        name: write_sounds(folder / name, seed, noise)
        for name, seed, noise in (("one", 1, 0.0), ("two", 2, 0.0), ("noisy", 3, 0.2))
    }


def write_table(path: Path, vectors: np.ndarray, *, windows: bool = True) -> Path:
    columns = {"fname": [f"{i // 5}.wav" for i in range(len(vectors))]}
    if windows:
        columns["start_seconds"] = [0.96 * (i % 5) for i in range(len(vectors))]
    columns |= {f"emb_{i}": column for i, column in enumerate(vectors.T)}
    pq.write_table(pa.table(columns), path)
    return path


def test_noise_is_far_away_and_the_same_set_is_not(sets) -> None:
    same = distance(sets["one"], sets["one"], *MFCC)
    near = distance(sets["one"], sets["two"], *MFCC)
    far = distance(sets["one"], sets["noisy"], *MFCC)
    assert same["counts"] == [120, 120]
    assert same["frechet"] < 1e-6
    assert same["frechet"] < near["frechet"] < far["frechet"]
    assert near["kernel"] < far["kernel"]
    assert far["frechet_extrapolated"] == pytest.approx(far["frechet"], rel=0.2)
    assert len(far["likeness"]) == 24


def test_a_table_is_the_same_set_as_its_folder(sets, tmp_path) -> None:
    table = tmp_path / "one.parquet"
    embed = ["embed", str(sets["one"]), "-o", str(table), "--pool", "none", *MFCC]
    assert CliRunner().invoke(app, embed).exit_code == 0
    assert distance(table, sets["one"], *MFCC)["frechet"] < 1e-6


def test_a_model_stands_for_its_training_set(sets, tmp_path) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(300, 40)).astype(np.float32)
    model = tmp_path / "model"
    module = tf.Module()
    module.variable = tf.Variable(1.0)
    tf.saved_model.save(module, str(model))
    card = {"network": "vggish", "features": "mfcc", "weights": "random", "sha256": "0"}
    write_model_card(str(model), card)
    with pytest.raises(VggishError, match="has no statistics of its training set"):
        distance(model, sets["one"])
    statistics = Gaussian.of(vectors)
    write_training_statistics(str(model), statistics)
    found = distance(model, sets["one"])
    assert found["counts"] == [300, 120]
    assert found["kernel"] is None
    assert "a model has only statistics" in " ".join(found["reasons"])
    table = write_table(tmp_path / "same.parquet", vectors)
    assert distance(model, table)["frechet"] < 1e-6
    other = write_table(tmp_path / "other.parquet", vectors[:100] + 1)
    expected = frechet_distance(statistics, Gaussian.of(vectors[:100] + 1))
    assert distance(model, other)["frechet"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ((30, 40, True), (30, 40, True), "too few to compare"),
        ((200, 40, True), (200, 128, True), "embeddings of 40 numbers and"),
        ((200, 40, True), (200, 40, False), "write the table again with `embed --pool none`"),
    ],
)
def test_sets_that_mean_nothing_together_are_refused(one, other, said, tmp_path) -> None:
    rng = np.random.default_rng(0)
    paths = [
        write_table(tmp_path / f"{i}.parquet", rng.normal(size=(rows, size)), windows=windows)
        for i, (rows, size, windows) in enumerate((one, other))
    ]
    with pytest.raises(VggishError, match=said):
        distance(*paths)


def test_few_windows_leave_the_kernel_distance(tmp_path) -> None:
    vectors = np.random.default_rng(0).normal(size=(240, 128))
    paths = [tmp_path / "one.parquet", tmp_path / "other.parquet"]
    for path, part in zip(paths, np.split(vectors, 2), strict=True):
        write_table(path, part)
    found = distance(*paths)
    assert found["frechet"] is None
    assert found["kernel"] is not None
    assert "takes more than 128 windows" in found["reasons"][0]


def test_other_files_are_refused(tmp_path) -> None:
    text = tmp_path / "text.parquet"
    text.write_text("no table")
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"fname": ["a"]}), other)
    for path, said in {text: "is not a Parquet table", other: "has no embeddings"}.items():
        with pytest.raises(VggishError, match=said):
            distance(path, path)
