"""Which pushed model a candidate is compared with."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from failing_storage import OUTAGE, FailingStorage
from tfx.types.standard_artifacts import Model
from tfx.utils import path_utils

from components.artifacts import holds_model
from components.pushed_model_finder.component import PushedModelFinder
from components.pushed_model_finder.executor import Executor
from components.pushed_models import is_whole_model
from pipeline.create_pipeline import push_destination
from pipeline.runners.local_run import _nodes_to_repeat
from pipeline.runners.run_folder import RunFolder


class Constant(tf.Module):
    """A model with one variable that says which it is, and one of some size."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = tf.Variable(value)
        self.ballast = tf.Variable(np.full(10_000, value, "f"))


def write_model(folder: Path, value: float) -> None:
    tf.saved_model.save(Constant(value), str(folder))


def artifact(folder: Path, value: float | None = None) -> Model:
    model = Model()
    model.uri = str(folder)
    if value is not None:
        write_model(Path(path_utils.serving_model_dir(model.uri)), value)
    return model


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pushed")
    write_model(folder / "9", 9)
    write_model(folder / "10", 10)
    return folder


@pytest.fixture
def serving(pushed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pushed, tmp_path / "serving"))


def find(serving: Path, *rivals: Path) -> float | None:
    """Returns the value of the model that the node finds."""
    root = serving.parent / "node"
    inputs = {}
    for rival in rivals:
        model = artifact(root / rival.name)
        shutil.copytree(rival, path_utils.serving_model_dir(model.uri))
        inputs[f"rival_{rival.name}"] = [model]
    properties = {"push_destination": push_destination(str(serving))}
    found = artifact(root / "model")
    Executor().Do(inputs, {"model": [found]}, properties)
    fingerprint = PushedModelFinder.fingerprint(inputs, properties)
    assert holds_model(found) == bool(fingerprint)
    if not fingerprint:
        return None
    loaded = tf.saved_model.load(path_utils.serving_model_dir(found.uri))
    assert int(Path(fingerprint).name) == loaded.value.numpy()
    return loaded.value.numpy()


def test_first_model_has_no_baseline(tmp_path: Path) -> None:
    assert find(tmp_path / "serving") is None


def test_latest_version_counts_by_number(serving: Path) -> None:
    assert find(serving) == 10


@pytest.mark.parametrize(("rivals", "expected"), [(["10"], 9), (["10", "9"], None)])
def test_models_of_this_run_are_no_baseline(
    rivals: list[str], expected: float | None, serving: Path, pushed: Path
) -> None:
    assert find(serving, *(pushed / rival for rival in rivals)) == expected


def test_other_folders_are_passed_by(serving: Path) -> None:
    (serving / "11").mkdir()
    shutil.copytree(serving / "9", serving / "backup-12")
    assert find(serving) == 10


FILES = [
    "fingerprint.pb",
    "variables/variables.index",
    "variables/variables.data-00000-of-00001",
    "saved_model.pb",
]


@pytest.mark.parametrize("copied", range(len(FILES)))
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_push_that_died_half_way_is_no_baseline(copied: int, share: float, serving: Path) -> None:
    """Pusher copies file by file; it may die before each, or within."""
    half = serving / "11"
    for name in FILES[: copied + 1]:
        (half / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(serving / "9" / name, half / name)
    last = half / FILES[copied]
    last.write_bytes(last.read_bytes()[: int(share * last.stat().st_size)])
    assert find(serving) == 10


@pytest.mark.parametrize("name", FILES[1:])
def test_model_that_lost_a_file_is_not_whole(name: str, serving: Path) -> None:
    assert is_whole_model(str(serving / "9"))
    (serving / "9" / name).unlink()
    assert not is_whole_model(str(serving / "9"))


def test_outage_of_the_storage_is_not_a_missing_baseline(
    serving: Path, storage: FailingStorage
) -> None:
    storage.error = OUTAGE
    with pytest.raises(tf.errors.UnavailableError):
        is_whole_model(str(serving / "9"))
    with pytest.raises(tf.errors.UnavailableError):
        find(serving)


def test_model_in_remote_storage_is_pushed_once(tmp_path: Path) -> None:
    pushed = "ram://serving/12"
    tf.saved_model.save(Constant(12), pushed)
    (tmp_path / "summary.json").write_text(f'{{"pushed_path": "{pushed}"}}')
    assert _nodes_to_repeat(RunFolder(tmp_path)) == []
    tf.io.gfile.remove(f"{pushed}/saved_model.pb")
    assert _nodes_to_repeat(RunFolder(tmp_path)) == ["Pusher"]
