"""What lost workers left goes, and nothing else does."""

from pathlib import Path

from tfx.types import standard_artifacts

from components.leftovers import remove_leftovers


def test_unfinished_files_are_deleted_at_any_depth(tmp_path: Path) -> None:
    kept = ("examples/Split-train/clips-00000-of-00001.tfrecord", "table/beam-temp-notes.txt")
    lost = (
        "examples/Split-train/beam-temp-clips-1a2b/part",
        "examples/Split-eval/beam-temp-clips-3c4d/inner/part",
        "table/beam-temp-embeddings-5e6f/part",
    )
    for name in (*kept, *lost):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    examples, table = standard_artifacts.Examples(), standard_artifacts.Model()
    examples.uri, table.uri = str(tmp_path / "examples"), str(tmp_path / "table")
    remove_leftovers({"examples": [examples], "table": [table]})

    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == set(kept)
    assert not [path for path in tmp_path.rglob("beam-temp-*") if path.is_dir()]
