"""What a run leaves behind."""

import json
from pathlib import Path

import pytest

from pipeline.runners.run_folder import open_run_folder
from vggish.errors import ConfigError


def test_report_and_summary_are_replaced_whole(tmp_path: Path) -> None:
    folder = open_run_folder(tmp_path / "a" / "b")
    folder.write("<p>1</p>", {"label": "ü"})
    folder.write("<p>2</p>", {"label": "ö"})
    assert folder.report.read_text() == "<p>2</p>"
    assert json.loads(folder.summary.read_text()) == {"label": "ö"}
    left = sorted(path.name for path in folder.root.iterdir())
    assert left == ["report.html", "run.log", "summary.json"]


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(ConfigError, match=r"out cannot be written to \(.+\); choose another"):
        open_run_folder(tmp_path / "out")
