"""Embeddings that runs share: what is embedded again, and what is not."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from exporting import export, make_rows, prepare

from components.embedding_exporter.embedding_cache import (
    CachedEmbeddings,
    Computation,
    NewShards,
    computation_of,
    digest_of_log_mel,
)
from schema.embedded_clips import read_embedded_clips, windows_of
from schema.imported_weights import import_weights, write_imported_weights
from vggish.weights.weight_arrays import random_weights

CLIPS = 5


def run(folder: Path, output: Path, cache: Path, **properties: str) -> tuple[int, int]:
    """Exports with a cache; returns how many clips were embedded and reused."""
    embeddings = export(folder, output, cache=str(cache), **properties)["embeddings"]
    return tuple(embeddings.get_int_custom_property(name) for name in ("embedded", "reused"))


def embedded_clips(output: Path) -> pa.Table:
    files = sorted(map(str, (output / "embeddings").glob("Split-*/*.parquet")))
    return pa.concat_tables(read_embedded_clips(files)).sort_by("fname")


def shards(cache: Path) -> list[Path]:
    return sorted(cache.glob("*/*.npz"))


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Clips, and the cache that a first run left, with the run's outputs."""
    folder, output = (tmp_path_factory.mktemp(name) for name in ("clips", "first"))
    prepare(folder, make_rows())
    assert run(folder, output, output / "cache") == (CLIPS, 0)
    return folder, output


def copy_of_cache(output: Path, folder: Path) -> Path:
    (copy := folder / "cache" / shards(output / "cache")[0].parent.name).mkdir(parents=True)
    for shard in shards(output / "cache"):
        (copy / shard.name).write_bytes(shard.read_bytes())
    return folder / "cache"


def test_another_run_embeds_nothing_and_writes_the_same(
    first: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, output = first
    before = shards(output / "cache")
    assert run(folder, tmp_path, output / "cache") == (0, CLIPS)
    assert embedded_clips(tmp_path) == embedded_clips(output)
    assert shards(output / "cache") == before


def test_only_a_new_clip_is_embedded_and_a_deleted_one_disappears(
    first: tuple[Path, Path], tmp_path: Path
) -> None:
    _, output = first
    cache = copy_of_cache(output, tmp_path)
    rows = make_rows()
    del rows["test"][0]
    rows["train"].append(rows["train"][0] | {"clip_id": b"new.wav", "pcm": b"\1\2" * 20_000})
    prepare(tmp_path, rows)
    assert run(tmp_path, tmp_path / "second", cache) == (1, CLIPS - 1)
    clips = embedded_clips(tmp_path / "second")
    assert clips["fname"].to_pylist() == [
        *("new.wav", "test/1.wav"),
        *(f"train/{i}.wav" for i in range(3)),
    ]
    kept = embedded_clips(output)
    kept = kept.filter(pc.not_equal(kept["fname"], "test/0.wav"))
    assert clips.slice(1) == kept
    assert run(tmp_path, tmp_path / "third", cache) == (0, CLIPS)
    assert embedded_clips(tmp_path / "third") == clips


@pytest.mark.parametrize("changed", [{"features": "log_mel"}, {"code_version": "other"}])
def test_another_computation_reuses_nothing(
    first: tuple[Path, Path], tmp_path: Path, changed: dict[str, str]
) -> None:
    folder, output = first
    cache = copy_of_cache(output, tmp_path)
    assert run(folder, tmp_path / "second", cache, **changed) == (CLIPS, 0)


def test_other_weights_are_another_computation(tmp_path: Path) -> None:
    names = set()
    for seed in (0, 1):
        imported = import_weights("vggish", "random", random_weights(seed), None)
        write_imported_weights(str(tmp_path / str(seed)), imported)
        names.add(computation_of(str(tmp_path / str(seed)), "mfcc", "").name)
    assert len(names) == 2
    assert all(name.startswith("vggish-mfcc-float32-") for name in names)


def flip_a_byte(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :]


@pytest.mark.parametrize(
    ("damage", "lost"),
    [(flip_a_byte, 1), (lambda data: data[: len(data) // 2], CLIPS), (lambda _: b"", CLIPS)],
    ids=["flipped", "cut", "empty"],
)
def test_what_is_damaged_is_embedded_again_once(
    first: tuple[Path, Path],
    tmp_path: Path,
    damage: Callable[[bytes], bytes],
    lost: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder, output = first
    cache = copy_of_cache(output, tmp_path)
    (shard,) = shards(cache)
    shard.write_bytes(damage(shard.read_bytes()))
    assert run(folder, tmp_path / "second", cache) == (lost, CLIPS - lost)
    again, before = embedded_clips(tmp_path / "second"), embedded_clips(output)
    assert again.drop("embedding") == before.drop("embedding")
    # The network's sums have other last bits in other batches.
    np.testing.assert_allclose(windows_of(again)[1], windows_of(before)[1], rtol=1e-4, atol=1e-5)
    assert f"{shard} is damaged" in caplog.text
    assert run(folder, tmp_path / "third", cache) == (0, CLIPS)


def add_shards(folder: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(20):
        new = NewShards(folder)
        new.add(f"{rng.integers(50):032d}", np.full([2, 3], seed, np.float32))
        new.write()


def test_two_runs_add_to_a_cache_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as threads:
        list(threads.map(add_shards, [str(tmp_path)] * 2, range(2)))
    assert len(list(tmp_path.glob("*.npz"))) == 40
    cached = CachedEmbeddings(str(tmp_path))
    found = [cached.find(f"{i:032d}") for i in range(50)]
    assert any(array is None for array in found)
    assert {int(array[0, 0]) for array in found if array is not None} == {0, 1}


def test_a_shard_that_is_not_complete_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".0123.partial.npz").write_bytes(b"PK")
    assert CachedEmbeddings(str(tmp_path)).find("0") is None
    assert (tmp_path / ".0123.partial.npz").exists()


def test_large_shards_are_written_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.embedding_exporter.embedding_cache._SHARD_BYTES", 100)
    new = NewShards(str(tmp_path))
    for i in range(9):
        new.add(f"{i:032d}", np.full([1, 10], i, np.float32))
    new.write()
    assert len(list(tmp_path.iterdir())) == 3
    cached = CachedEmbeddings(str(tmp_path))
    for i in range(9):
        np.testing.assert_array_equal(cached.find(f"{i:032d}"), np.full([1, 10], i, np.float32))


def test_the_digest_depends_on_every_value() -> None:
    windows = np.zeros([2, 96, 64], np.float32)
    other = windows.copy()
    other[1, 95, 63] = 1e-7
    assert digest_of_log_mel(windows) != digest_of_log_mel(other)
    assert digest_of_log_mel(windows) != digest_of_log_mel(windows[:1])


def test_a_computation_is_known_by_all_of_its_parts() -> None:
    parts = {
        "network": "vggish",
        "weights": "w",
        "pca": "p",
        "features": "fusion",
        "compute": "float32",
        "code": "c",
    }
    names = {Computation(**parts | {part: "other"}).name for part in parts}
    assert len({*names, Computation(**parts).name}) == len(parts) + 1
