"""Every command tells at once that its output cannot be written, and makes missing folders."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli.main import app
from vggish.errors import ConfigError

# The inputs are absent as well: whoever looks at them first tells of them first.
COMMANDS = {
    "catalog": ["absent/", "--csv", "{output}"],
    "compile": ["absent.yaml", "--image", "image", "-o", "{output}"],
    "convert": ["absent.ckpt", "-o", "{folder}"],
    "embed": ["absent.wav", "-o", "{output}"],
    "predict": ["absent/", "absent.wav", "-o", "{output}"],
    "results": ["absent/", "--csv", "{output}"],
}


def arguments(command: str, folder: Path) -> list[str]:
    named = {"folder": str(folder), "output": str(folder / "out.csv")}
    return [command, *(argument.format(**named) for argument in COMMANDS[command])]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_in_place_of_the_folder_is_told_first(command: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    error = CliRunner().invoke(app, arguments(command, tmp_path / "file")).exception
    assert isinstance(error, ConfigError)
    assert str(error).startswith(f"{tmp_path / 'file'}/")
    assert "cannot be written (File exists)" in str(error)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_missing_folder_is_made(command: str, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    CliRunner().invoke(app, arguments(command, folder))
    assert folder.is_dir()


def test_nothing_is_loaded_before_the_output_is_checked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    predict = [*arguments("predict", tmp_path / "file")]
    script = "import sys; from pipeline.cli.main import app\n"
    script += "try: app(sys.argv[1:], standalone_mode=False)\n"
    script += "except Exception as error: print(type(error).__name__, 'tensorflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script, *predict], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["ConfigError", "False"]
