"""A data root in a storage that TensorFlow's filesystems read."""

import contextlib
import posixpath
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, TypeVar

import tenacity

from components.file_trees.file_tree import Entry, FileTree, is_outside
from components.file_trees.refusals import RefusedError, Reject
from vggish.errors import DataSetError

_REMOTE_REQUESTS = 32  # At once: they wait for the network, not for a processor.
_PATIENCE = tenacity.Retrying(
    retry=tenacity.retry_if_exception_type(ConnectionError),
    wait=tenacity.wait_random_exponential(multiplier=0.2, max=10),
    stop=tenacity.stop_after_delay(60),
    reraise=True,
)
"""A retry of the whole node would meet the next fault of a storage that fails now and then."""

_Answer = TypeVar("_Answer")


class RemoteTree(FileTree):
    """A folder in a storage that TensorFlow's filesystems read, such as `gs://`.

    Args:
        root: Its address.
    """

    def __init__(self, root: str):
        super().__init__(root.rstrip("/"))

    def is_folder(self) -> bool:
        """See `FileTree`."""
        try:
            return self._status("").is_directory
        except RefusedError as error:
            if error.reason == "missing_file":
                return False
            raise

    def walk(self, folder: str = "") -> Iterator[Entry]:
        """See `FileTree`. TensorFlow's own `walk` takes a folder that fails for a file."""
        with ThreadPoolExecutor(_REMOTE_REQUESTS) as threads:
            yield from sorted(self._walk(folder, threads), key=lambda entry: entry.path)

    def _walk(self, folder: str, threads: ThreadPoolExecutor) -> Iterator[Entry]:
        paths = [posixpath.join(folder, name) for name in self.names(folder) if name[0] != "."]
        for path, (entry, is_folder) in zip(paths, threads.map(self._look, paths), strict=True):
            if is_folder:
                yield from self._walk(path, threads)
            else:
                yield entry

    def find(self, paths: Iterable[str]) -> Iterator[Entry]:
        """See `FileTree`."""
        with ThreadPoolExecutor(_REMOTE_REQUESTS) as threads:
            yield from threads.map(self._entry, paths)

    def _entry(self, path: str) -> Entry:
        return self._look(path)[0]

    def _look(self, path: str) -> tuple[Entry, bool]:
        """Returns an entry, and whether it is a folder."""
        inside = self.relative(path)
        if is_outside(inside):
            outside = Reject("outside_root", f"is not below {self.root}")
            return Entry(path, refused=outside), False
        try:
            status = self._status(inside)
        except RefusedError as error:
            return Entry(inside, refused=Reject(error.reason, str(error))), False
        refused = Reject("unreadable", "is not a file") if status.is_directory else None
        return Entry(inside, status.length, status.mtime_nsec, refused), status.is_directory

    def _status(self, inside: str) -> Any:
        return self._ask(lambda gfile: gfile.stat(self._address(inside)))

    def relative(self, path: str) -> str:
        """See `FileTree`."""
        path = path.removeprefix(f"{self.root}/")
        return path if "://" in path else posixpath.normpath(path)

    def names(self, folder: str) -> list[str]:
        """See `FileTree`."""
        try:
            names = self._ask(lambda gfile: gfile.listdir(self._address(folder)))
        except RefusedError as error:
            if error.reason == "missing_file":
                return []
            raise
        return sorted(name.rstrip("/") for name in names)

    def _bytes(self, path: str, size: int = -1) -> bytes:
        return self._ask(lambda gfile: _read(gfile, self._address(path), size))

    @contextlib.contextmanager
    def local(self, path: str) -> Iterator[str]:
        """See `FileTree`. The file is copied, since decoders read only from the disk."""
        with tempfile.NamedTemporaryFile(prefix="clip-") as copy:
            self._ask(lambda gfile: _copy(gfile, self._address(path), copy))
            yield copy.name

    def _address(self, path: str) -> str:
        return path if "://" in path else posixpath.join(self.root, path)

    def _ask(self, question: Callable[[Any], _Answer]) -> _Answer:
        """Calls a function with TensorFlow's file functions, again if the storage fails."""

        def ask() -> _Answer:
            with _storage(self.root) as gfile:
                return question(gfile)

        return _PATIENCE(ask)


def _read(gfile: Any, address: str, size: int) -> bytes:
    with gfile.GFile(address, "rb") as file:
        content: bytes = file.read(size)
        return content


def _copy(gfile: Any, address: str, copy: IO[bytes]) -> None:
    copy.seek(0)
    copy.truncate()
    with gfile.GFile(address, "rb") as file:
        shutil.copyfileobj(file, copy, 1 << 20)
    copy.flush()


@contextlib.contextmanager
def _storage(address: str) -> Iterator[Any]:
    """Gives TensorFlow's file functions, and says whose fault their errors are.

    Args:
        address: Address of the storage, for messages.

    Raises:
        RefusedError: `missing_file`: there is no such file.
        ConnectionError: The storage fails, perhaps for a moment only.
        DataSetError: The storage refuses.
    """
    import tensorflow as tf

    momentary = (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.DeadlineExceededError,
        tf.errors.ResourceExhaustedError,
        tf.errors.InternalError,
        tf.errors.UnknownError,
    )
    try:
        yield tf.io.gfile
    except tf.errors.NotFoundError as error:
        raise RefusedError("missing_file", error.message) from error
    except momentary as error:
        raise ConnectionError(
            f"The storage of {address} failed ({error.message}); run the same command again once "
            "it works."
        ) from error
    except tf.errors.OpError as error:
        raise DataSetError(
            f"The storage of {address} refuses ({error.message}); check the address and the "
            "credentials."
        ) from error
