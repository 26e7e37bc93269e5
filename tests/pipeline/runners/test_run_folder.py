"""What a run leaves behind."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from pipeline.runners.run_folder import open_run_folder
from vggish.errors import ConfigError


def test_stable_paths_show_the_last_run_and_every_run_is_kept(tmp_path: Path) -> None:
    folder = open_run_folder(tmp_path / "a" / "b")
    table = folder.artifacts / "Exporter" / "table.parquet"
    table.parent.mkdir(parents=True)
    table.write_text("rows")
    folder.report.write_text("from an earlier version")
    tables = {folder.embeddings / "fusion.parquet": table}
    folder.publish("<p>1</p>", {"label": "ü"}, tables, datetime(2026, 1, 1, 12, 0, 0))
    assert (folder.root / "embeddings" / "fusion.parquet").read_text() == "rows"
    folder.publish("<p>2</p>", {"label": "ö"}, {}, datetime(2026, 1, 1, 12, 0, 1))
    assert folder.report.read_text() == "<p>2</p>"
    assert json.loads(folder.summary.read_text()) == {"label": "ö"}
    left = sorted(path.name for path in folder.root.iterdir())
    assert left == ["history", "latest", "pipeline", "report.html", "run.log", "summary.json"]
    first, second = sorted(folder.history.iterdir())
    assert (first / "report.html").read_text() == "<p>1</p>"
    assert folder.latest.resolve() == second
    moved = (tmp_path / "a" / "b").rename(tmp_path / "moved")
    assert (moved / "report.html").read_text() == "<p>2</p>"
    assert (moved / "history" / first.name / "embeddings" / "fusion.parquet").read_text() == "rows"


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(ConfigError, match=r"out cannot be written to \(.+\); choose another"):
        open_run_folder(tmp_path / "out")
