"""Which pushed model a candidate is compared with."""

from pathlib import Path

import pytest
from tfx.types.standard_artifacts import Model
from tfx.utils import path_utils

from components.pushed_model_finder.component import PushedModelFinder
from components.pushed_model_finder.executor import Executor
from components.pushed_models import holds_model
from pipeline.create_pipeline import push_destination


def write_model(folder: Path, content: str) -> None:
    folder.mkdir(parents=True)
    (folder / "fingerprint.pb").write_text(content)


def artifact(folder: Path, content: str | None = None) -> Model:
    model = Model()
    model.uri = str(folder)
    if content is not None:
        write_model(Path(path_utils.serving_model_dir(model.uri)), content)
    return model


@pytest.fixture
def serving(tmp_path: Path) -> Path:
    write_model(tmp_path / "serving" / "9", "nine")
    write_model(tmp_path / "serving" / "10", "ten")
    return tmp_path / "serving"


def find(serving: Path, *rivals: str) -> str | None:
    """Returns the content of the model that the node finds."""
    root = serving.parent / f"node{len(list(serving.parent.iterdir()))}"
    inputs = {f"rival_{name}": [artifact(root / name, name)] for name in rivals}
    properties = {"push_destination": push_destination(str(serving))}
    found = artifact(root / "model")
    Executor().Do(inputs, {"model": [found]}, properties)
    file = Path(path_utils.serving_model_dir(found.uri)) / "fingerprint.pb"
    assert holds_model(found) == file.exists()
    content = file.read_text() if file.exists() else None
    fingerprint = PushedModelFinder.fingerprint(inputs, properties)
    assert bool(fingerprint) == bool(content)
    assert content is None or (Path(fingerprint) / "fingerprint.pb").read_text() == content
    return content


def test_first_model_has_no_baseline(tmp_path: Path) -> None:
    assert find(tmp_path / "serving", "new") is None


def test_latest_version_counts_by_number(serving: Path) -> None:
    assert find(serving, "new") == "ten"


def test_models_of_this_run_are_no_baseline(serving: Path) -> None:
    assert find(serving, "ten", "new") == "nine"
    assert find(serving, "ten", "nine") is None


def test_what_is_no_whole_version_is_passed_by(serving: Path) -> None:
    (serving / "11").mkdir()
    write_model(serving / "backup-12", "twelve")
    assert find(serving) == "ten"
