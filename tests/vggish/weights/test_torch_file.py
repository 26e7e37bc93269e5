"""The reader of PyTorch's files: what it reads, and what it never runs."""

import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from torch_forms import Storage, Tensor, tensors, write_torch

from vggish.errors import CheckpointError
from vggish.weights.torch_file import read_torch_file

ARRAYS = {
    "a.weight": np.random.default_rng(0).normal(size=(3, 2, 3, 3)).astype(np.float32),
    "a.bias": np.arange(3, dtype=np.float64),
    "count": np.array(7, np.int64),
}


@pytest.mark.parametrize("zipped", [True, False])
def test_both_formats_are_read_bit_for_bit(tmp_path, zipped) -> None:
    write_torch(tmp_path / "net.pth", tensors(ARRAYS), zipped=zipped)
    found = read_torch_file(str(tmp_path / "net.pth"))
    assert list(found) == list(ARRAYS)
    for name, values in ARRAYS.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)


def test_a_part_of_a_storage_and_transposed_strides(tmp_path) -> None:
    values = np.arange(20, dtype=np.float32)
    state = {"part": Tensor(Storage("0", values), values[4:16].reshape(3, 4).T, offset=4)}
    write_torch(tmp_path / "view.pth", state)
    found = read_torch_file(str(tmp_path / "view.pth"))["part"]
    np.testing.assert_array_equal(found, values[4:16].reshape(3, 4).T)


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_pickle_is_refused_and_never_runs(tmp_path, zipped) -> None:
    trace = tmp_path / "trace"
    path = tmp_path / "net.pth"
    write_torch(path, OrderedDict(weight=Payload(trace)), zipped=zipped)
    with pytest.raises(CheckpointError, match=r"asks for posix\.mkdir, which is not a part of"):
        read_torch_file(str(path))
    assert not trace.exists()
    pickle.loads(pickle.dumps(Payload(trace)))  # noqa: S301  It would have worked.
    assert trace.exists()


def test_a_tensor_that_leaves_its_storage_is_refused(tmp_path) -> None:
    few, many = np.zeros(4, np.float32), np.zeros((100, 100), np.float32)
    write_torch(tmp_path / "net.pth", {"a": Tensor(Storage("0", few), many)})
    with pytest.raises(CheckpointError, match="not a state dict of PyTorch, or is damaged"):
        read_torch_file(str(tmp_path / "net.pth"))


def test_other_files_are_refused_in_one_sentence(tmp_path) -> None:
    text, archive, half = (tmp_path / name for name in ("text.pth", "zip.pth", "half.pth"))
    text.write_text("no pickle")
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.txt", "no model")
    write_torch(half, tensors(ARRAYS), zipped=False)
    half.write_bytes(half.read_bytes()[:-20])
    module = tmp_path / "module.pth"  # `torch.save(model)` writes classes of the program.
    write_torch(module, [tensors(ARRAYS)])
    for path in (text, archive, half, module, tmp_path / "absent.pth", tmp_path):
        with pytest.raises(CheckpointError) as refusal:
            read_torch_file(str(path))
        assert str(path) in str(refusal.value)
        assert "\n" not in str(refusal.value)
