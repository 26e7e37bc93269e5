"""The command line as a person meets it: exit codes, sentences, and speed."""

import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

from pipeline.cli.main import COMMANDS, app

VGGISH_TFX = str(Path(sys.executable).with_name("vggish-tfx"))
PROJECT = Path(__file__).resolve().parents[3]


def call(*words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [VGGISH_TFX, *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done


def refusal(*words: object) -> str:
    """Calls with wrong input; returns the one sentence on the screen, its lines joined."""
    done = call(*words, code=2)
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    return " ".join(done.stderr.split())


def write_clips(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for i in range(count):
        samples = np.random.default_rng(i).normal(0, 0.1, 8_000)
        soundfile.write(folder / f"{i}.wav", samples, 16_000)


def test_help_names_the_commands() -> None:
    assert "demo" in call("--help").stdout


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys, pipeline.cli.main;"
        "heavy = {'tensorflow', 'tfx', 'apache_beam', 'numpy', 'pydantic', 'pyarrow'};"
        "print(heavy & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=PROJECT
    )
    assert done.stdout == "set()\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "job.yaml"
    path.write_text(f"source: {{root: {tmp_path / 'sounds'}}}\nfeatures: {{checkpoint: random}}\n")
    return path


def test_missing_data_root(config: Path, tmp_path: Path) -> None:
    assert "is not a folder" in refusal("run", config, "--output", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_empty_folder(config: Path, tmp_path: Path) -> None:
    (tmp_path / "sounds").mkdir()
    assert "has no sound files (0 other files)" in refusal("run", config)


def test_folder_without_sounds(config: Path, tmp_path: Path) -> None:
    (tmp_path / "sounds" / "dog").mkdir(parents=True)
    (tmp_path / "sounds" / "dog" / "notes.txt").write_text("woof")
    assert "has no sound files (1 other files)" in refusal("run", config)


def test_one_class_only(config: Path, tmp_path: Path) -> None:
    write_clips(tmp_path / "sounds" / "dog", 2)
    assert "only the class 'dog'" in refusal("run", config)


def test_no_checkpoint_named(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(f"source: {{root: {tmp_path}}}")
    assert "pass --checkpoint" in refusal("run", path)


def test_output_that_cannot_be_written(config: Path, tmp_path: Path) -> None:
    for label in ("dog", "cat"):
        write_clips(tmp_path / "sounds" / label, 3)
    (tmp_path / "file").write_text("")
    sentence = refusal("run", config, "--output", tmp_path / "file" / "out")
    assert "cannot be written to" in sentence
    assert "--output" in sentence


def test_unknown_key_on_the_command_line(config: Path) -> None:
    sentence = refusal("run", config, "--set", "train.epoch=3")
    assert "unknown key 'train.epoch'; did you mean 'epochs'?" in sentence


def test_class_with_fewer_sounds_than_splits(config: Path, tmp_path: Path) -> None:
    write_clips(tmp_path / "sounds" / "dog", 30)
    write_clips(tmp_path / "sounds" / "cat", 2)
    assert "The class 'cat' has no clips in eval" in refusal("run", config)


@pytest.mark.parametrize("key", ["checkpoint", "pca_params"])
def test_weights_that_are_not_there(config: Path, tmp_path: Path, key: str) -> None:
    for label in ("dog", "cat"):
        write_clips(tmp_path / "sounds" / label, 3)
    words = (f"--set=features.{key}={tmp_path}/absent", "--set=model={features: embedding}")
    sentence = refusal("run", config, *words)
    assert f"There is no file at features.{key}, {tmp_path}/absent" in sentence


def test_too_many_refused_files_say_why_and_where(config: Path, tmp_path: Path) -> None:
    for label in ("dog", "cat"):
        write_clips(tmp_path / "sounds" / label, 5)
    (tmp_path / "sounds" / "dog" / "broken.wav").write_text("not a sound")
    done = call("run", config, "--output", tmp_path / "out", "-v", code=2)
    sentence = "".join(done.stderr.split("\n"))
    assert "AudioExampleGen" in done.stderr  # TFX says what it does, and does not read our words.
    assert "1 of 11 files were refused (1 unreadable)" in " ".join(done.stderr.split())
    listed = Path(sentence[sentence.index("The list of refused files is ") + 29 :].strip())
    assert '"clip_id": "dog/broken.wav"' in listed.read_text()


def test_checkpoint_that_is_not_vggish(config: Path, tmp_path: Path) -> None:
    for label in ("dog", "cat"):
        write_clips(tmp_path / "sounds" / label, 20)
    (tmp_path / "other.ckpt").write_text("no checkpoint")
    done = call(
        *("run", config, "--output", tmp_path / "out", "--checkpoint", tmp_path / "other.ckpt"),
        code=2,
    )
    assert "other.ckpt" in done.stderr
    # Read before any node: no sound was decoded in vain.
    assert not (tmp_path / "out" / "pipeline").exists()


def test_predict_refuses_a_folder_that_is_no_model(tmp_path: Path) -> None:
    assert "holds no pushed model" in refusal("predict", tmp_path, "a.wav")


def test_predict_needs_sounds(tmp_path: Path) -> None:
    assert "There are no sounds to predict" in refusal("predict", tmp_path)


def test_version_is_told() -> None:
    assert call("--version").stdout.split() == ["vggish-tfx", metadata.version("vggish-tfx")]


def test_short_help_has_the_groups() -> None:
    screen = CliRunner().invoke(app, ["-h"]).output
    for group in COMMANDS:
        assert group in screen
    assert "--install-completion" in screen


@pytest.mark.parametrize("name", [name for group in COMMANDS.values() for name in group])
def test_every_help_has_an_example_that_its_command_understands(name: str) -> None:
    screen = " ".join(CliRunner().invoke(app, [name, "-h"]).output.split())
    _, example = next(group[name] for group in COMMANDS.values() if name in group)
    assert f"Example: vggish-tfx {example}" in screen
    command = typer.main.get_command(app).commands[name]
    _, *words = shlex.split(example)
    command.make_context(name, words)  # Raises if an option does not exist.


def test_folders_and_files_of_outputs_have_one_name() -> None:
    for name, command in typer.main.get_command(app).commands.items():
        options = [set(option.opts) for option in command.params]
        if name not in ("catalog", "init", "results", "check", "submit", "distance"):  # They print.
            assert {"--output", "-o"} in options, name
