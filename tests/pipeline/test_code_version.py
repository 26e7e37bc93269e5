"""What makes a node run again: the code that it runs."""

from pathlib import Path

import pytest

from pipeline import code_version as module


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("vggish", "trainer", "components/report"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "code.py").write_text("1")
    monkeypatch.setattr(module, "_ROOT", tmp_path)
    module.code_version.cache_clear()
    return tmp_path


def version_of(folder: str) -> str:
    module.code_version.cache_clear()
    return module.code_version(folder)


def test_a_folders_version_follows_its_own_code_and_vggish(project: Path) -> None:
    before = version_of("trainer"), version_of("components/report")
    (project / "trainer" / "code.py").write_text("2")
    assert version_of("trainer") != before[0]
    assert version_of("components/report") == before[1]
    (project / "vggish" / "code.py").write_text("2")
    assert version_of("components/report") != before[1]


def test_a_file_counts_by_itself(project: Path) -> None:
    (project / "components" / "shared.py").write_text("1")
    module.code_version.cache_clear()
    before = module.code_version("components/report", "components/shared.py")
    assert before != version_of("components/report")
    (project / "components" / "shared.py").write_text("2")
    module.code_version.cache_clear()
    assert module.code_version("components/report", "components/shared.py") != before


def test_templates_count_and_caches_do_not(project: Path) -> None:
    before = version_of("components/report")
    (project / "components/report" / "code.cpython-311.pyc").write_text("x")
    assert version_of("components/report") == before
    (project / "components/report" / "page.html").write_text("x")
    assert version_of("components/report") != before
