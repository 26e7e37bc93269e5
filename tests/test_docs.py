"""What the docs show: commands that run, messages that the code has, links that lead somewhere."""

import ast
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

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
    "make demo": "it sets up an environment, and the demo takes minutes",
    ".venv/bin/vggish-tfx run sounds": "it downloads the released VGGish",
}
"""The commands of shell blocks that are only parsed, and why."""

COMMON_OPTIONS = {"--version", "--help", "--install-completion"}
PLACEHOLDERS = {"…", "...", "FOLDER", "COMMAND", "JOB"}


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.M)


def shell_lines(page: Path) -> list[str]:
    """The commands of a page's shell blocks, without comments."""
    lines = "\n".join(blocks(page, "sh")).replace("\\\n", "").splitlines()
    return [line.partition("  #")[0].strip() for line in lines if line.strip()]


def calls(lines: list[str]) -> Iterator[list[str]]:
    """The arguments of every `vggish-tfx`; of a command alone, or with others left out, none."""
    for line in lines:
        words = shlex.split(line, comments=True)
        if words and words[0].endswith("vggish-tfx") and len(words) > 1:
            redirect = words.index(">") if ">" in words else len(words)
            if not PLACEHOLDERS & set(words):
                yield words[1:redirect]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_commands_of_the_docs_exist(page: Path) -> None:
    text = page.read_text("utf-8").replace("\\\n", " ")
    indented = re.findall(r"^ {4}(?:\$ )?(vggish-tfx .*)$", text, re.M)
    for name, *words in calls([*shell_lines(page), *indented]):
        COMMAND_LINE.commands[name].make_context(name, words)
    # In the text, what else a command needs may be left out.
    for name, *words in calls(re.findall(r"`(vggish-tfx\s[^`]*)`", text)):
        known = {*COMMON_OPTIONS}
        if not name.startswith("-"):
            known |= {o for p in COMMAND_LINE.commands[name].params for o in p.opts}
        assert {w.partition("=")[0] for w in (name, *words) if w.startswith("-")} <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(
        r"^(?: {4}[^\n]*|```.*?^```)$", "", page.read_text("utf-8"), flags=re.M | re.DOTALL
    )
    for target in re.findall(r"\]\(([^)]+)\)", prose):
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


@pytest.mark.long_runs
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


def run_page(page: Path, folder: Path) -> str:
    """Runs the commands and programs of a page in their order; returns what they print."""
    places = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    setting = {"PATH": places, "PYTHONPATH": str(PROJECT), "COLUMNS": "100"}
    printed = ""
    for language, block in re.findall(
        r"^```(sh|python)\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.M
    ):
        if block.strip() in NOT_RUN:
            continue
        done = subprocess.run(
            ["/bin/bash", "-ec", block] if language == "sh" else [sys.executable, "-c", block],
            cwd=folder,
            env=os.environ | setting,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, block + done.stdout
        printed += done.stdout
    return printed


@pytest.mark.long_runs
def test_the_tutorial_is_as_it_says(world: Path) -> None:
    page = PROJECT / "docs" / "tutorial.md"
    printed = {" ".join(line.split()) for line in run_page(page, world).splitlines()}
    shown = "".join(blocks(page, "text")).splitlines()
    assert len(shown) > 20
    assert [
        line for line in shown if " ".join(line.split()) not in printed and "…" not in line
    ] == []


@pytest.mark.long_runs
def test_readme_shows_what_the_demo_prints(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    command = [Path(sys.executable).with_name("vggish-tfx"), "demo", "-o", tmp_path / "demo"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    printed = "".join(re.findall(r"^(?:Clips|Test accuracy):.*\n", done.stdout, re.M))
    readme = PROJECT / "README.md"
    (shown,) = blocks(readme, "text")
    if request.config.getoption("--write-golden"):
        readme.write_text(readme.read_text("utf-8").replace(shown, printed), "utf-8")
        pytest.skip("the figures were written")
    figure = r" (\d\.\d+) \((\d\.\d+)-(\d\.\d+)\)"
    assert re.sub(figure, "", shown) == re.sub(figure, "", printed)
    (accuracy, *_), (_, low, high) = (
        map(float, re.search(figure, s).groups()) for s in (shown, printed)
    )
    assert low <= accuracy <= high  # A clip more or less, by the order of a sum in float32.


def test_every_command_of_readme_is_run_or_has_a_reason() -> None:
    assert set(shell_lines(PROJECT / "README.md")) == set(NOT_RUN)
