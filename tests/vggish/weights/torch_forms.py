"""PyTorch's files of a state dict, written as `torch.save` writes them, without PyTorch.

Both formats are those of torch/serialization.py: the zip archive since 1.6, and the stream before.
"""

import io
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

_STORAGES = {"f4": "FloatStorage", "f8": "DoubleStorage", "i8": "LongStorage", "f2": "HalfStorage"}
_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C


class Storage:
    def __init__(self, key: str, values: np.ndarray):
        self.key, self.values = key, values


class Tensor:
    """A view of a storage, as PyTorch's tensors are."""

    def __init__(self, storage: Storage, view: np.ndarray, offset: int = 0):
        self.storage, self.view, self.offset = storage, view, offset

    def __reduce_ex__(self, _: Any) -> tuple:
        strides = tuple(stride // self.view.itemsize for stride in self.view.strides)
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
        return rebuild, (
            self.storage, self.offset, self.view.shape, strides, False, OrderedDict()
        )  # fmt: skip


def tensors(arrays: dict[str, np.ndarray]) -> "OrderedDict[str, Tensor]":
    """Makes a state dict, with the versions of its modules beside the tensors."""
    state = OrderedDict(
        (name, Tensor(Storage(str(number), array.ravel()), np.ascontiguousarray(array)))
        for number, (name, array) in enumerate(arrays.items())
    )
    state._metadata = OrderedDict({"": {"version": 1}})  # type: ignore[attr-defined]
    return state


def write_torch(path: Path, state: Any, *, zipped: bool = True) -> None:
    """Writes any object with tensors in it."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in _STORAGES.values():
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2(*_: Any) -> None:
        raise NotImplementedError

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined]
    storages: dict[str, Storage] = {}

    class Pickler(pickle.Pickler):
        def persistent_id(self, item: Any) -> Any:
            if not isinstance(item, Storage):
                return None
            storages[item.key] = item
            kind = getattr(torch, _STORAGES[item.values.dtype.str[1:]])
            known = ("storage", kind, item.key, "cpu", item.values.size)
            return known if zipped else (*known, None)

    pickled = io.BytesIO()
    sys.modules.update({"torch": torch, "torch._utils": utils})
    try:
        Pickler(pickled, protocol=2).dump(state)
    finally:
        del sys.modules["torch"], sys.modules["torch._utils"]
    (_write_archive if zipped else _write_stream)(path, pickled.getvalue(), storages)


def _write_archive(path: Path, pickled: bytes, storages: dict[str, Storage]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{path.stem}/data.pkl", pickled)
        archive.writestr(f"{path.stem}/byteorder", "little")
        for key, storage in storages.items():
            archive.writestr(f"{path.stem}/data/{key}", storage.values.tobytes())
        archive.writestr(f"{path.stem}/version", "3\n")


def _write_stream(path: Path, pickled: bytes, storages: dict[str, Storage]) -> None:
    with path.open("wb") as file:
        system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
        for item in (_MAGIC_NUMBER, 1001, system):
            pickle.dump(item, file, protocol=2)
        file.write(pickled)
        pickle.dump(sorted(storages), file, protocol=2)
        for key in sorted(storages):
            file.write(struct.pack("<q", storages[key].values.size))
            file.write(storages[key].values.tobytes())
