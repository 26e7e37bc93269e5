"""Embeddings in a folder that runs share, by the clip's log-mel and by what computes them.

A shard is an `.npz` archive with one array per clip, named by a digest of the clip's log-mel. It
never changes, so several runs may read the folder and add shards at once. The archive has a CRC-32
of each array.
"""

import hashlib
import io
import json
import logging
import posixpath
import uuid
import zipfile
from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np
import tensorflow as tf

from schema.imported_weights import pca_sha256, read_weights_origin
from vggish.npz_files import write_arrays

_EXTENSION = ".npz"
_MEMBER = ".npy"  # NumPy's extension of an array in an archive.
_SHARD_BYTES = 64 << 20
_OPEN_SHARDS = 64
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Computation:
    """What decides about the numbers of an embedding, besides the log-mel.

    Attributes:
        network: Name of the network.
        weights: SHA-256 of its weights.
        pca: SHA-256 of the PCA parameters, or None.
        features: The layer tap.
        compute: The precision.
        code: The version of the code; empty if unknown.
    """

    network: str | None
    weights: str | None
    pca: str | None
    features: str
    compute: str
    code: str

    @property
    def name(self) -> str:
        """A folder's name: readable, and different for different computations."""
        digest = hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()
        return f"{self.network}-{self.features}-{self.compute}-{digest[:16]}"


def computation_of(weights_folder: str, features: str, code: str) -> Computation:
    """Describes a computation with imported weights; see `Computation`."""
    origin = read_weights_origin(weights_folder)
    return Computation(
        origin.network, origin.sha256, pca_sha256(weights_folder), features, origin.compute, code
    )


def digest_of_log_mel(log_mel: np.ndarray) -> str:
    """Returns the digest of a clip's windows, float32 [n, 96, 64]."""
    return hashlib.blake2b(np.ascontiguousarray(log_mel), digest_size=16).hexdigest()


class CachedEmbeddings:
    """The embeddings that a folder had when it was opened.

    Args:
        folder: Folder of one computation, which need not exist.
    """

    def __init__(self, folder: str):
        self._folder = folder
        self._open = lru_cache(_OPEN_SHARDS)(_open_shard)
        self._shards: dict[str, list[str]] = {}
        for name in sorted(tf.io.gfile.listdir(folder)) if tf.io.gfile.isdir(folder) else ():
            # A shard that is being written begins with a dot.
            if name.endswith(_EXTENSION) and not name.startswith("."):
                self._list(posixpath.join(folder, name))

    def find(self, digest: str) -> np.ndarray | None:
        """Returns a clip's embeddings, float32 [n, D]; None if there are none without damage."""
        for path in self._shards.get(digest, ()):
            try:
                array = io.BytesIO(self._open(path).read(digest + _MEMBER))
                return np.asarray(np.lib.format.read_array(array, allow_pickle=False), np.float32)
            except _DAMAGE as error:
                _LOGGER.warning(
                    "%s in %s is damaged (%s); it is embedded again.", digest, path, error
                )
        return None

    def _list(self, path: str) -> None:
        """Lists a shard; one without a readable list is of no use, and is removed."""
        try:
            names = self._open(path).namelist()
        except tf.errors.NotFoundError:  # Another run removed it.
            return
        except _DAMAGE as error:
            _LOGGER.warning("%s is damaged (%s); its clips are embedded again.", path, error)
            tf.io.gfile.remove(path)
            return
        for name in names:
            self._shards.setdefault(name.removesuffix(_MEMBER), []).append(path)


_DAMAGE = (
    zipfile.BadZipFile,
    ValueError,
    EOFError,
    KeyError,
    tf.errors.InvalidArgumentError,  # A position before the beginning, where files raise OSError.
    tf.errors.OutOfRangeError,
)


def _open_shard(path: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(tf.io.gfile.GFile(path, "rb"))


class NewShards:
    """Collects new embeddings, and writes them as shards of limited size.

    Args:
        folder: Folder of one computation; it is made if necessary.
    """

    def __init__(self, folder: str):
        self._folder = folder
        self._arrays: dict[str, np.ndarray] = {}
        self._bytes = 0

    def add(self, digest: str, embeddings: np.ndarray) -> None:
        """Adds a clip's embeddings, float32 [n, D]."""
        # A copy, since a part of an array would keep the memory of the whole.
        self._arrays[digest] = embeddings.copy()
        self._bytes += embeddings.nbytes
        if self._bytes >= _SHARD_BYTES:
            self.write()

    def write(self) -> None:
        """Writes what is collected; the shard appears when it is complete."""
        if self._arrays:
            path = posixpath.join(self._folder, uuid.uuid4().hex + _EXTENSION)
            write_arrays(path, self._arrays)
        self._arrays, self._bytes = {}, 0
