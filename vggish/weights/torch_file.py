"""The tensors of a PyTorch file (`.pth`), read without PyTorch, and without its pickle's code.

`torch.save` writes a pickle that names tensors, and their bytes beside it: since PyTorch 1.6 in a
zip archive, and before in one stream. A pickle can call any function of Python. Here, it can only
call the few that state dicts of tensors need.
"""

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vggish.errors import CheckpointError
from vggish.weights.file_content import read_content

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C  # torch/serialization.py: the start of the older format.
_DTYPES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
}
_BROKEN = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    struct.error,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    TypeError,
    ValueError,
)
"""What a damaged or foreign pickle raises."""


@dataclass(frozen=True)
class _Tensor:
    """A part of a storage, as the pickle describes it; the bytes may come later in the file."""

    key: str
    dtype: np.dtype
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def values(self, storages: Mapping[str, bytes]) -> np.ndarray:
        """Returns a view of the bytes; NumPy refuses one that would leave them."""
        return np.ndarray(
            self.shape,
            self.dtype,
            storages[self.key],
            self.offset * self.dtype.itemsize,
            tuple(stride * self.dtype.itemsize for stride in self.strides),
        )


def read_torch_file(path: str) -> dict[str, np.ndarray]:
    """Reads a state dict.

    Args:
        path: Path of the file, on any file system that TensorFlow knows.

    Returns:
        Arrays by name. They are views of the file's bytes, and cannot be changed.

    Raises:
        CheckpointError: There is no such file, it is not a state dict of PyTorch, or its pickle
            asks for code.
    """
    content = read_content(path)
    try:
        if zipfile.is_zipfile(io.BytesIO(content)):
            state, storages = _read_archive(content)
        else:
            state, storages = _read_stream(content)
        return {name: tensor.values(storages) for name, tensor in state.items()}
    except _ForbiddenError as error:
        raise CheckpointError(
            f"{path} asks for {error}, which is not a part of tensors, so it was not read; give a "
            "file that `torch.save(model.state_dict(), path)` wrote."
        ) from error
    except _BROKEN as error:
        raise CheckpointError(
            f"{path} is not a state dict of PyTorch, or is damaged; give a file that "
            "`torch.save(model.state_dict(), path)` wrote."
        ) from error


def outputs_last(values: np.ndarray) -> np.ndarray:
    """Returns a kernel of PyTorch, [out, in, ...], as TensorFlow has it, [..., in, out].

    Args:
        values: A kernel of a dense layer or a convolution, or a vector, which stays as it is.
    """
    return np.moveaxis(values, (0, 1), (-1, -2)) if values.ndim > 1 else values


def _read_archive(content: bytes) -> tuple[dict[str, _Tensor], dict[str, bytes]]:
    """Reads the zip archive of PyTorch 1.6 and later."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (pickled,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
        state = _Reader(io.BytesIO(archive.read(pickled))).load()
        folder = pickled.removesuffix("data.pkl") + "data/"
        keys = {tensor.key for tensor in state.values()}
        return state, {key: archive.read(folder + key) for key in keys}


def _read_stream(content: bytes) -> tuple[dict[str, _Tensor], dict[str, bytes]]:
    """Reads the older stream: three pickles about the file, the state, the keys, and the bytes."""
    stream = io.BytesIO(content)
    if _Reader(stream).load() != _MAGIC_NUMBER:
        raise ValueError("another stream")
    for _ in ("version", "system"):
        _Reader(stream).load()
    state = _Reader(stream).load()
    keys = _Reader(stream).load()
    itemsizes = {tensor.key: tensor.dtype.itemsize for tensor in state.values()}
    storages = {}
    for key in keys:
        (count,) = struct.unpack("<q", stream.read(8))
        storages[key] = stream.read(count * itemsizes[key])
    return state, storages


class _ForbiddenError(Exception):
    """A pickle's demand for something else than tensors."""


class _Reader(pickle.Unpickler):
    """A pickle reader that knows tensors and ordered dictionaries, and calls nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Returns one of a few harmless objects."""
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
            ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
        }
        if (module, name) not in known:
            raise _ForbiddenError(f"{module}.{name}")
        return known[module, name]

    def persistent_load(self, pid: Any) -> tuple[str, np.dtype]:
        """Returns key and type of a storage: `('storage', type, key, device, size, ...)`."""
        _, dtype, key, *_ = pid
        return key, dtype


def _rebuild_tensor(
    storage: tuple[str, np.dtype], offset: int, size: tuple, stride: tuple, *_: Any
) -> _Tensor:
    return _Tensor(*storage, offset, size, stride)


def _rebuild_parameter(tensor: _Tensor, *_: Any) -> _Tensor:
    return tensor
