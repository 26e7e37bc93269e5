"""The folders are the architecture: what CONTRIBUTING and docs/architecture.md show is there."""

import ast
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
ROOMS = ("vggish_tfx", "pipeline", "components", "trainer", "schema", "vggish")
FOLDERS = [
    folder
    for room in ROOMS
    for folder in sorted(path.parent for path in (PROJECT / room).rglob("__init__.py"))
]
CONTRIBUTING = PROJECT / "CONTRIBUTING.md"
PICTURE = re.compile(r"(?<=```text\n).*?(?=```)", re.DOTALL)


def name(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def first_sentence(folder: Path) -> str:
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    return " ".join(text.partition("\n\n")[0].split()).partition(". ")[0].rstrip(".")


def picture() -> str:
    rows = []
    for folder in FOLDERS:
        indent = "  " * name(folder).count("/")
        rows.append(f"{indent + folder.name + '/':25} {first_sentence(folder)}\n")
    return "".join(rows)


def test_contributing_shows_the_folders(request: pytest.FixtureRequest) -> None:
    text = CONTRIBUTING.read_text()
    if request.config.getoption("--write-golden"):
        CONTRIBUTING.write_text(PICTURE.sub(lambda _: picture(), text, count=1))
        pytest.skip("the picture was written")
    shown = PICTURE.search(text)
    assert shown
    assert shown[0] == picture(), "write it anew with pytest tests/test_house.py --write-golden"


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_every_folder_says_what_it_is_for(folder: Path) -> None:
    assert len(first_sentence(folder)) > 20


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_no_folder_is_crowded(folder: Path) -> None:
    assert len(list(folder.glob("*.py"))) <= 13


@pytest.mark.parametrize("room", ROOMS)
def test_folders_are_packages_and_modules_fit_in_mind(room: str) -> None:
    modules = list((PROJECT / room).rglob("*.py"))
    assert {path.parent for path in modules} <= set(FOLDERS)
    assert [name(m) for m in modules if len(m.read_text().splitlines()) > 350] == []


def test_the_architecture_names_files_that_exist() -> None:
    text = (PROJECT / "docs" / "architecture.md").read_text()
    named = {path for path in re.findall(r"`([a-z_]+/[^`]+)`", text) if "NAME" not in path}
    assert len(named) > 30
    assert {path for path in named if not (PROJECT / path).exists()} == {"sounds/dog/bark.wav"}
