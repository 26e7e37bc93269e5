"""What the product takes for granted of the packages below it."""

import importlib
import pkgutil
import re
import tomllib
from pathlib import Path

import farmhash
import pytest
import tfx.components

PROJECT = Path(__file__).resolve().parents[1]


def test_farmhash_hashes_as_the_version_that_tfdv_asks_for() -> None:
    # The values are pyfarmhash 0.3.2's.
    assert farmhash.fingerprint32("log_mel") == 4_042_520_602
    assert farmhash.fingerprint64("log_mel") == 13_239_947_384_705_567_465
    assert farmhash.fingerprint32("a" * 100) == 3_724_713_576
    assert farmhash.fingerprint64("a" * 100) == 13_153_998_191_144_080_618


@pytest.mark.parametrize("folder", ["pipeline", "components", "trainer", "schema", "vggish"])
def test_tfx_components_come_from_their_own_modules(folder: str) -> None:
    # `tfx.components` turns an import that fails into None.
    for path in sorted((PROJECT / folder).rglob("*.py")):
        assert not re.search(r"from tfx(\.v1)?(\.components)? import", path.read_text()), path


def test_tfx_s_own_components_could_all_be_imported() -> None:
    used = ("Evaluator", "InfraValidator", "Pusher", "StatisticsGen", "Trainer", "Transform")
    assert all(getattr(tfx.components, name) is not None for name in used)


def test_every_module_can_be_imported() -> None:
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    packages = declared["tool"]["setuptools"]["packages"]["find"]["include"]
    for package in (name.rstrip("*") for name in packages if name != "configs*"):
        root = importlib.import_module(package)
        for module in pkgutil.walk_packages(root.__path__, f"{package}."):
            importlib.import_module(module.name)


def test_locks_name_no_registry() -> None:
    locks = [PROJECT / "requirements.lock", *(PROJECT / "deploy/container").glob("*.lock")]
    assert len(locks) == 3
    for lock in locks:
        assert "://" not in lock.read_text(), lock
