"""The files below a data root, on this machine's disk or in any storage that TensorFlow reads.

A file that is not there, or that nobody may read, is refused. Every other failure is the storage's
or the machine's: it is raised, since a file must not be lost to it.
"""

import contextlib
import errno
import os
import posixpath
import shutil
import stat
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Any, TypeVar

import tenacity

from components.audio_example_gen.sources.listing import RefusedError, Reject
from vggish.errors import DataSetError

_REMOTE_REQUESTS = 32  # At once: they wait for the network, not for a processor.
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENXIO}
_PATIENCE = tenacity.Retrying(
    retry=tenacity.retry_if_exception_type(ConnectionError),
    wait=tenacity.wait_random_exponential(multiplier=0.2, max=10),
    stop=tenacity.stop_after_delay(60),
    reraise=True,
)
"""A retry of the whole node would meet the next fault of a storage that fails now and then."""

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Entry:
    """A file below a data root.

    Attributes:
        path: Relative to the root, with POSIX separators; bytes that are not UTF-8 are escaped. The
            path of a refused folder ends with a slash.
        size: Size in bytes.
        modified: Time of the last change, in nanoseconds.
        refused: Why the file cannot be read, or None.
    """

    path: str
    size: int = 0
    modified: int = 0
    refused: Reject | None = None


class FileTree(ABC):
    """A data root.

    Args:
        root: Its path or address.
    """

    def __init__(self, root: str):
        self.root = root

    @abstractmethod
    def is_folder(self) -> bool:
        """Tells whether the root exists.

        Raises:
            RefusedError: It may not be read.
            OSError: The storage failed.
        """

    @abstractmethod
    def walk(self, folder: str = "") -> Iterator[Entry]:
        """Yields every file below a folder that is not hidden, in the order of their paths.

        Raises:
            DataSetError: A folder may not be listed.
            OSError: The storage failed.
        """

    @abstractmethod
    def find(self, paths: Iterable[str]) -> Iterator[Entry]:
        """Yields an entry for every path, in their order; refused if there is no such file.

        Raises:
            OSError: The storage failed.
        """

    @abstractmethod
    def relative(self, path: str) -> str:
        """Returns a path relative to the root, without detours; one outside the root stays so."""

    @abstractmethod
    def names(self, folder: str) -> list[str]:
        """Lists the names in a folder; empty if there is no such folder.

        Raises:
            RefusedError: It may not be read.
            OSError: The storage failed.
        """

    @abstractmethod
    def local(self, path: str) -> contextlib.AbstractContextManager[str]:
        """Gives a file a path on this machine's disk for a while.

        Raises:
            RefusedError: There is no such file, or it may not be read.
            OSError: The storage or this machine failed.
        """

    @abstractmethod
    def _bytes(self, path: str, size: int = -1) -> bytes:
        """Reads a file below the root, or one by its absolute path; raises as `local` does.

        Args:
            path: The path.
            size: Number of bytes; -1 for all.
        """

    def head(self, path: str, size: int) -> bytes:
        """Reads a file's first bytes; empty if it is gone or may not be read.

        Raises:
            OSError: The storage failed.
        """
        try:
            return self._bytes(path, size)
        except RefusedError:
            return b""

    def read(self, path: str) -> bytes:
        """Reads a file that the configuration names, below the root or by its absolute path.

        Raises:
            DataSetError: There is no such file, or it may not be read.
            OSError: The storage failed.
        """
        try:
            return self._bytes(path)
        except RefusedError as error:
            raise _unreadable(path, error) from error


def open_tree(root: str) -> FileTree:
    """Opens a data root.

    Args:
        root: A folder, with `~` for the home folder, or an address such as `gs://bucket/folder`.

    Returns:
        The tree.

    Raises:
        DataSetError: There is no such folder, or it may not be read.
        OSError: The storage failed.
    """
    tree = RemoteTree(root) if "://" in root else LocalTree(root)
    try:
        there = tree.is_folder()
    except RefusedError as error:
        raise _unreadable(root, error) from error
    if not there:
        raise DataSetError(
            f"The data root {tree.root} is not a folder; check source.root or --data-root."
        )
    return tree


def _unreadable(path: str, error: RefusedError) -> DataSetError:
    return DataSetError(
        f"{path}, which the configuration names, cannot be read ({error}); check the path."
    )


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    """Turns the errors that a file itself is to blame for into refusals."""
    try:
        yield
    except OSError as error:
        if error.errno in _ABSENT:
            raise RefusedError("missing_file", f"{error.strerror}") from error
        if error.errno in _FORBIDDEN:
            raise RefusedError("unreadable", f"{error.strerror}") from error
        raise


class LocalTree(FileTree):
    """A folder on this machine's disk. Links are followed within the root, to each folder once.

    Args:
        root: The folder.
    """

    def __init__(self, root: str):
        super().__init__(os.path.realpath(os.path.expanduser(root)))

    def is_folder(self) -> bool:
        """See `FileTree`."""
        return os.path.isdir(self.root)

    def walk(self, folder: str = "") -> Iterator[Entry]:
        """See `FileTree`."""
        entered = {os.path.realpath(os.path.join(self.root, folder))}
        yield from sorted(self._walk(folder, entered), key=lambda entry: entry.path)

    def _walk(self, folder: str, entered: set[str]) -> Iterator[Entry]:
        for name in sorted(self._scan(folder)):
            path = posixpath.join(folder, name)
            full = os.path.join(self.root, path)
            if name.startswith("."):
                continue
            real = os.path.realpath(full) if os.path.islink(full) else None
            if not os.path.isdir(full):
                yield self._entry(path)
            elif real and not self._is_inside(real):
                # One refusal for the whole folder, which may be as large as the disk.
                yield Entry(path + "/", refused=Reject("outside_root", f"links to {real}"))
            elif (target := os.path.realpath(full)) not in entered:
                entered.add(target)
                yield from self._walk(path, entered)

    def _scan(self, folder: str) -> list[str]:
        full = os.path.join(self.root, folder)
        try:
            with _disk():
                return os.listdir(full)
        except RefusedError as error:
            raise DataSetError(
                f"The folder {full} cannot be listed ({error}); make it readable."
            ) from error

    def find(self, paths: Iterable[str]) -> Iterator[Entry]:
        """See `FileTree`."""
        for path in paths:
            inside = self.relative(path)
            if _is_outside(inside):
                yield Entry(path, refused=Reject("outside_root", f"is not below {self.root}"))
            else:
                yield self._entry(inside)

    def relative(self, path: str) -> str:
        """See `FileTree`. An absolute path may lead to the root by links."""
        if os.path.isabs(path):
            folder, name = os.path.split(os.path.normpath(path))
            path = os.path.join(_real_folder(folder), name).removeprefix(f"{self.root}/")
        return posixpath.normpath(path)

    def _entry(self, path: str) -> Entry:
        full = os.path.join(self.root, path)
        try:
            path.encode()
        except UnicodeEncodeError:
            escaped = os.fsencode(path).decode(errors="backslashreplace")
            return Entry(escaped, refused=Reject("unreadable", "the file name is not UTF-8"))
        if "\0" in path:
            return Entry(path, refused=Reject("missing_file", "no file name holds a zero byte"))
        try:
            with _disk():
                status = os.stat(full)
        except RefusedError as error:
            what = f"a link to {os.path.realpath(full)}, where" if os.path.islink(full) else "where"
            detail = f"{what} there is no file to be read ({error})"
            return Entry(path, refused=Reject(error.reason, detail))
        real = self._real(os.path.dirname(full), os.path.basename(full))
        if not self._is_inside(real):
            return Entry(path, refused=Reject("outside_root", f"links to {real}"))
        if not stat.S_ISREG(status.st_mode):
            return Entry(path, refused=Reject("unreadable", "is not a file"))
        return Entry(path, status.st_size, status.st_mtime_ns)

    def _real(self, folder: str, name: str) -> str:
        # Resolving a path looks at each of its folders, and files of one folder share them.
        full = os.path.join(_real_folder(folder), name)
        return os.path.realpath(full) if os.path.islink(full) else full

    def _is_inside(self, real: str) -> bool:
        return real.startswith(self.root.rstrip("/") + "/")

    def names(self, folder: str) -> list[str]:
        """See `FileTree`."""
        full = os.path.join(self.root, folder)
        with _disk():
            return sorted(os.listdir(full)) if os.path.isdir(full) else []

    def _bytes(self, path: str, size: int = -1) -> bytes:
        with _disk(), open(os.path.join(self.root, os.path.expanduser(path)), "rb") as file:
            return file.read(size)

    @contextlib.contextmanager
    def local(self, path: str) -> Iterator[str]:
        """See `FileTree`."""
        self._bytes(path, 0)  # Raises an error if it cannot be opened.
        yield os.path.join(self.root, path)


@lru_cache(maxsize=4096)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


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
        if _is_outside(inside):
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


def _is_outside(path: str) -> bool:
    return path in (".", "..") or path.startswith(("../", "/")) or "://" in path
