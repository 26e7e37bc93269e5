"""What every test may ask for."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from failing_storage import FailingStorage

PROJECT_ROOT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-golden", action="store_true", help="write stored results anew")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real recordings and reference values; skips where it is absent."""
    folder = Path(os.environ.get("VGGISH_TFX_DATA", PROJECT_ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the real recordings are not at {folder}; set VGGISH_TFX_DATA to their folder")
    return folder


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> "FailingStorage":
    """TensorFlow's file systems, which work until the test sets their `error`."""
    from failing_storage import FailingStorage
    from tensorflow.python.lib.io import file_io

    failing = FailingStorage(file_io._pywrap_file_io)
    monkeypatch.setattr(file_io, "_pywrap_file_io", failing)
    return failing
