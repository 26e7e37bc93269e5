"""What the docs show: commands that exist and run, messages that the code has, links that lead somewhere."""

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import soundfile
import typer
from trees import noise

from pipeline.cli.main import app
from pipeline.demo.sound_synthesizer import write_sound_set

PROJECT = Path(__file__).resolve().parents[1]
PAGES = [PROJECT / "README.md", PROJECT / "examples" / "README.md", *PROJECT.glob("docs/*.md")]
COMMAND_LINE = typer.main.get_command(app)
CODE = ("components", "pipeline", "schema", "trainer", "vggish")

NOT_RUN = {
    "make demo": "it sets up an environment, and its run is minutes long; another test runs the demo",
    ".venv/bin/vggish-tfx run sounds": "it downloads the released VGGish",
}
"""The commands of shell blocks that are only parsed, and why."""

PLACEHOLDERS = {"…", "FOLDER", "COMMAND", "JOB"}


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.M)


def shell_lines(page: Path) -> list[str]:
    """The commands of a page's shell blocks, without comments."""
    lines = "\n".join(blocks(page, "sh")).replace("\\\n", "").splitlines()
    return [line.partition("  #")[0].strip() for line in lines if line.strip()]


def calls(page: Path) -> Iterator[list[str]]:
    """The arguments of every `vggish-tfx` in blocks, indented lines and code spans."""
    text = page.read_text("utf-8").replace("\\\n", " ")
    indented = re.findall(r"^ {4}(?:\$ )?(vggish-tfx .*)$", text, re.M)
    spans = re.findall(r"`(vggish-tfx\s[^`]*)`", text)
    for line in (*shell_lines(page), *indented, *spans):
        words = shlex.split(line, comments=True)
        if words and words[0].endswith("vggish-tfx"):
            redirect = words.index(">") if ">" in words else len(words)
            yield words[1:redirect]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_commands_of_the_docs_exist(page: Path) -> None:
    for name, *words in calls(page):
        if PLACEHOLDERS & {name, *words}:
            continue
        assert isinstance(COMMAND_LINE, click.Group)
        if name.startswith("-"):
            assert name in {"--install-completion", "--version", "--help"}
            continue
        command = COMMAND_LINE.commands[name]
        # A command that is named without its arguments tells of itself.
        if words:
            command.make_context(name, list(words))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", linked.read_text("utf-8"), re.M)
            anchors = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}
            assert anchor in anchors, target


def sentences() -> list[str]:
    """Every text of the code; `…` stands for what is filled in."""
    found = []
    for room in CODE:
        for module in (PROJECT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(module.read_text("utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    parts = (p.value if isinstance(p, ast.Constant) else "…" for p in node.values)
                    found.append("".join(map(str, parts)))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(node.value)
    return found


def test_troubleshooting_has_the_messages_of_the_code() -> None:
    page = (PROJECT / "docs" / "troubleshooting.md").read_text("utf-8")
    messages = [m for m in re.findall(r"^\| `([^`]+)`", page, re.M) if "Pushed model" not in m]
    assert len(messages) > 15
    text = "\n".join(" ".join(sentence.split()) for sentence in sentences())
    for message in messages:
        pattern = ".*".join(re.escape(part.strip()) for part in message.split("…"))
        assert re.search(pattern, text), message


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A folder that has what the docs name."""
    write_sound_set(tmp_path / "runs" / "demo" / "sounds")
    soundfile.write(tmp_path / "clip.wav", noise("clip", 2), 16_000)
    return tmp_path


@pytest.mark.presets
def test_python_of_the_docs_runs(world: Path) -> None:
    """The blocks of one page that need no trained model."""
    program = "\n".join(blocks(PROJECT / "docs" / "coming_from.md", "python"))
    assert program.count("assert") == 2
    subprocess.run(
        [sys.executable, "-c", program],
        cwd=world,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        check=True,
    )


@pytest.mark.presets
def test_the_tutorial_is_as_it_says(world: Path) -> None:
    """Every command runs; the counts and the wrong clips are those of the page."""
    page = PROJECT / "docs" / "tutorial.md"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    printed = ""
    assert shutil.which("vggish-tfx", path=path)
    for line in shell_lines(page):
        if line in NOT_RUN:
            continue
        done = subprocess.run(
            ["/bin/bash", "-c", line],
            cwd=world,
            env=os.environ | {"PATH": path, "PYTHONPATH": str(PROJECT), "COLUMNS": "100"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, line + done.stderr
        printed += done.stdout
    told = "\n".join(blocks(page, "text"))
    counts = re.findall(r"^(?:Clips|found|accepted|refused) .*$|^Clips:.*$", told, re.M)
    assert len(counts) >= 4
    for line in counts:
        assert line.rstrip() in printed


def test_every_command_of_readme_is_run_or_has_a_reason() -> None:
    assert set(shell_lines(PROJECT / "README.md")) == set(NOT_RUN)
