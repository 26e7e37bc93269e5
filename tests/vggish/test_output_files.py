"""Paths of outputs are checked before any work."""

from pathlib import Path

import pytest

from vggish.errors import ConfigError
from vggish.output_files import check_output, output_file


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "out.csv"
    check_output(path)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("{0}/file/out.csv", "File exists"),
        ("{0}/file/below/out.csv", "Not a directory"),
        ("{0}/folder.csv", "it is a folder"),
        ("/proc/sys/out.csv", "Permission denied|No such file or directory"),
        ("absent://folder/out.csv", "not implemented"),
    ],
)
def test_a_path_that_cannot_be_written_is_told(tmp_path: Path, path: str, cause: str) -> None:
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "folder.csv").mkdir()
    address = path.format(tmp_path)
    with pytest.raises(ConfigError, match=rf"cannot be written \(.*({cause}).*\); choose another"):
        check_output(address)
    with pytest.raises(ConfigError), output_file(address):
        pytest.fail("the work began")


def test_a_file_is_not_touched_by_the_check(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("before")
    check_output(tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "before"
