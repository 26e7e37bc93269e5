"""Faults of the storage and of the machine: no clip is lost to them."""

import errno
import os
from pathlib import Path

import pytest
import tenacity
import tensorflow as tf
from failing_storage import OUTAGE, FailingStorage, upload
from generation import generate
from trees import write_sounds

from components.audio_example_gen.clip_reading import ClipReader
from components.audio_example_gen.sources import list_source
from components.audio_example_gen.sources.listing import SourceFile
from components.file_trees import data_root, local_tree, remote_tree
from components.file_trees.refusals import RefusedError
from pipeline.runners.retries import is_transient
from schema.config.ingest_settings import IngestSettings
from schema.config.source_settings import SourceSettings
from vggish.errors import DataSetError

NAMES = [f"{label}/{i:02}.wav" for label in ("cat", "dog") for i in range(30)]


@pytest.fixture
def address(tmp_path: Path) -> str:
    write_sounds(tmp_path / "data", *NAMES)
    address = f"ram://faults/{tmp_path.name}"
    upload(tmp_path / "data", address)
    return address


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_tree._PATIENCE, "stop", tenacity.stop_after_attempt(2))


def test_a_storage_that_fails_now_and_then_loses_no_clip(
    tmp_path: Path, address: str, storage: FailingStorage
) -> None:
    storage.error, storage.share, storage.below = OUTAGE, 0.03, address
    found = generate(tmp_path, {"root": address})
    assert len(storage.failed) > 2
    assert found.clips.keys() == set(NAMES)
    assert found.rejects == {}


@pytest.mark.usefixtures("impatient")
def test_a_storage_that_is_down_stops_the_run_and_may_be_retried(
    tmp_path: Path, address: str, storage: FailingStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = list_source(SourceSettings(root=address))
    storage.error, storage.below = OUTAGE, address
    with pytest.raises(ConnectionError) as listed:
        generate(tmp_path, {"root": address})
    assert is_transient(listed.value)
    assert f"The storage of {address} failed (the bucket is away)" in str(listed.value)
    monkeypatch.setattr("components.audio_example_gen.executor.take_or_list", lambda *_: listing)
    monkeypatch.setattr(remote_tree.RemoteTree, "is_folder", lambda _: True)
    with pytest.raises(Exception, match="The storage of") as read:
        generate(tmp_path / "2", {"root": address})
    assert is_transient(read.value)


def test_a_storage_that_refuses_stops_the_run(
    tmp_path: Path, address: str, storage: FailingStorage
) -> None:
    storage.error = tf.errors.PermissionDeniedError(None, None, "no answer")
    storage.below = address
    with pytest.raises(DataSetError, match="refuses \\(no answer\\); check the address"):
        generate(tmp_path, {"root": address})


def test_only_what_is_not_there_is_missing(address: str) -> None:
    tree = data_root.open_tree(address)
    assert [
        entry.refused and entry.refused.reason for entry in tree.find(["no.wav", NAMES[0]])
    ] == [
        "missing_file",
        None,
    ]
    with pytest.raises(RefusedError) as error, tree.local("no.wav"):
        pass
    assert error.value.reason == "missing_file"


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EMFILE, errno.ESTALE])
def test_a_disk_that_fails_is_no_missing_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    write_sounds(tmp_path, "dog/1.wav", "cat/1.wav")

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(local_tree.os, "stat", fail)
    with pytest.raises(OSError, match=os.strerror(number)):
        list(local_tree.LocalTree(str(tmp_path)).find(["dog/1.wav"]))


def test_a_machine_that_starts_no_process_is_no_missing_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sounds(tmp_path, "dog/1.wav")

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    monkeypatch.setattr("subprocess.Popen", fail)
    with pytest.raises(OSError, match="Cannot allocate memory") as error:
        list(ClipReader(str(tmp_path), IngestSettings()).clips(SourceFile("dog/1.wav")))
    assert is_transient(error.value)
    assert is_transient(RuntimeError(f"Traceback\nOSError: [Errno {errno.ENOMEM}] Cannot"))
    assert not is_transient(OSError(errno.ENOSPC, "full"))
