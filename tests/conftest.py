"""What every test may ask for."""

import os
from pathlib import Path

import pytest

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
