"""The wheel: built, installed in an environment of its own, and used far from the checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from trees import write_sounds

import vggish_tfx
from pipeline.cli.main import COMMANDS

PROJECT = Path(__file__).resolve().parents[1]
ROOMS = ("vggish_tfx", "pipeline", "components", "trainer", "schema", "vggish", "configs")
# Where setup.sh puts uv if the machine has none: beside the environment, which may be a link.
UV = shutil.which(
    "uv", path=f"{(PROJECT / '.venv').resolve().parent / '.cache/uv/bin'}:{os.environ['PATH']}"
)


def uv(*words: object, folder: Path) -> None:
    assert UV, "setup.sh finds uv, or installs it"
    subprocess.run(
        [UV, *map(str, words)], cwd=folder, check=True, capture_output=True, env=clean_environment()
    )


def clean_environment() -> dict[str, str]:
    """Nothing that leads to the checkout, and no network."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return kept | {"UV_OFFLINE": "1", "UV_PYTHON": sys.executable}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source")
    for room in ROOMS:  # A copy, since setuptools builds inside the source.
        shutil.copytree(PROJECT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, source)
    uv("build", "--wheel", "--no-build-isolation", "--out-dir", source / "dist", folder=source)
    (built,) = (source / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands, beside which no checkout is."""
    folder = tmp_path_factory.mktemp("far_away")
    uv("venv", folder / "env", folder=folder)
    python = folder / "env" / "bin" / "python"
    uv("pip", "install", "--no-deps", "--python", python, wheel, folder=folder)
    (site,) = (folder / "env").glob("lib/python*/site-packages")
    # The locked dependencies. Their own .pth files, such as the checkout's, are not read from here.
    (site / "locked.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


def call(installed: Path, command: str, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [installed / command, *map(str, words)],
        cwd=installed,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_has_every_file_of_the_packages(wheel: Path) -> None:
    there = {
        str(path.relative_to(PROJECT))
        for room in ROOMS
        for path in (PROJECT / room).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == there
    assert {path.rpartition(".")[2] for path in packed} >= {"py", "yaml", "html", "pbtxt"}


def test_everything_is_imported_from_the_wheel(installed: Path) -> None:
    program = (
        f"import importlib\nfor name in {ROOMS}:\n    print(importlib.import_module(name).__file__)"
    )
    found = call(installed, "python", "-c", program)
    assert found.stderr == ""
    assert len(found.stdout.splitlines()) == len(ROOMS)
    assert all(Path(p).is_relative_to(installed.parent) for p in found.stdout.splitlines())


def test_the_command_says_its_version_and_its_help(installed: Path) -> None:
    assert call(installed, "vggish-tfx", "--version").stdout == (
        f"vggish-tfx {vggish_tfx.__version__}\n"
    )
    shown = call(installed, "vggish-tfx", "--help").stdout
    assert all(f" {name} " in shown for commands in COMMANDS.values() for name in commands)


def test_a_folder_gets_its_configuration(installed: Path, tmp_path: Path) -> None:
    write_sounds(tmp_path, *(f"{label}/{i}.wav" for label in "ab" for i in range(5)))
    done = call(installed, "vggish-tfx", "init", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "# 10 sounds of 2 classes: a, b." in done.stdout


def test_ready_configurations_go_by_their_names(installed: Path) -> None:
    names = [path.stem for path in (PROJECT / "configs").glob("*.yaml")]
    program = (
        "import sys; from pipeline.jobs import open_job\n"
        "for name in sys.argv[1:]: assert open_job(name, {}).config.source.root"
    )
    assert call(installed, "python", "-c", program, *names).stderr == ""
    done = call(installed, "vggish-tfx", "run", "esc50", "--set", "train.epoch=1")
    assert "The configuration esc50 is wrong: unknown key 'train.epoch'" in done.stderr
