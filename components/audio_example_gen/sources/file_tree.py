"""The files below a data root, on this machine's disk or in any storage that TensorFlow reads."""

import contextlib
import os
import posixpath
import shutil
import stat
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, BinaryIO

from components.audio_example_gen.sources.listing import Reject
from vggish.errors import DataSetError

_REMOTE_REQUESTS = 32  # At once: they wait for the network, not for a processor.


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
            OSError: The storage cannot be asked.
        """

    @abstractmethod
    def walk(self, folder: str = "") -> Iterator[Entry]:
        """Yields every file below a folder that is not hidden, in the order of their paths.

        Raises:
            DataSetError: A folder cannot be listed.
        """

    @abstractmethod
    def find(self, paths: Iterable[str]) -> Iterator[Entry]:
        """Yields an entry for every path, in their order; refused if there is no such file."""

    @abstractmethod
    def relative(self, path: str) -> str:
        """Returns a path relative to the root, without detours; one outside the root stays so."""

    @abstractmethod
    def names(self, folder: str) -> list[str]:
        """Lists the names in a folder; empty if there is no such folder."""

    @abstractmethod
    def local(self, path: str) -> contextlib.AbstractContextManager[str]:
        """Gives a file a path on this machine's disk for a while.

        Raises:
            OSError: It cannot be read.
        """

    @abstractmethod
    def _open(self, path: str) -> contextlib.AbstractContextManager[BinaryIO]:
        """Opens a file below the root, or one by its absolute path; fails with OSError."""

    def head(self, path: str, size: int) -> bytes:
        """Reads a file's first bytes; empty if it cannot be read."""
        try:
            with self._open(path) as file:
                return file.read(size)
        except OSError:
            return b""

    def read(self, path: str) -> bytes:
        """Reads a file that the configuration names, below the root or by its absolute path.

        Raises:
            DataSetError: There is no such file.
        """
        try:
            with self._open(path) as file:
                return file.read()
        except OSError as error:
            raise _unreadable(path, error) from error


def open_tree(root: str) -> FileTree:
    """Opens a data root.

    Args:
        root: A folder, with `~` for the home folder, or an address such as `gs://bucket/folder`.

    Returns:
        The tree.

    Raises:
        DataSetError: There is no such folder.
    """
    tree = RemoteTree(root) if "://" in root else LocalTree(root)
    try:
        there = tree.is_folder()
    except OSError as error:
        raise _unreadable(root, error) from error
    if not there:
        raise DataSetError(
            f"The data root {tree.root} is not a folder; check source.root or --data-root."
        )
    return tree


def _unreadable(path: str, error: OSError) -> DataSetError:
    return DataSetError(
        f"{error.filename or path}, which the configuration names, cannot be read "
        f"({error.strerror or error}); check the path."
    )


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
        try:
            return os.listdir(os.path.join(self.root, folder))
        except OSError as error:
            raise DataSetError(
                f"The folder {error.filename} cannot be listed ({error.strerror}); make it "
                "readable."
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
        try:
            status = os.stat(full)
        except (OSError, ValueError) as error:
            what = f"a link to {os.path.realpath(full)}, where" if os.path.islink(full) else "where"
            detail = f"{what} there is no file ({getattr(error, 'strerror', error)})"
            return Entry(path, refused=Reject("missing_file", detail))
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
        try:
            return sorted(os.listdir(os.path.join(self.root, folder)))
        except OSError:
            return []

    def _open(self, path: str) -> contextlib.AbstractContextManager[BinaryIO]:
        return open(os.path.join(self.root, os.path.expanduser(path)), "rb", buffering=0)

    @contextlib.contextmanager
    def local(self, path: str) -> Iterator[str]:
        """See `FileTree`."""
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
        with _gfile() as gfile:
            return gfile.isdir(self.root)

    def walk(self, folder: str = "") -> Iterator[Entry]:
        """See `FileTree`."""
        paths = []
        full = posixpath.join(self.root, folder)
        try:
            with _gfile() as gfile:
                for parent, _, names in gfile.walk(full):
                    place = parent[len(self.root) :].strip("/")
                    paths += [posixpath.join(place, name) for name in names]
        except OSError as error:
            raise _unreadable(full, error) from error
        yield from self.find(sorted(path for path in paths if "/." not in f"/{path}"))

    def find(self, paths: Iterable[str]) -> Iterator[Entry]:
        """See `FileTree`."""
        with ThreadPoolExecutor(_REMOTE_REQUESTS) as threads:
            yield from threads.map(self._entry, paths)

    def _entry(self, path: str) -> Entry:
        inside = self.relative(path)
        if _is_outside(inside):
            return Entry(path, refused=Reject("outside_root", f"is not below {self.root}"))
        try:
            with _gfile() as gfile:
                status = gfile.stat(f"{self.root}/{inside}")
        except OSError as error:
            return Entry(inside, refused=Reject("missing_file", str(error)))
        return Entry(inside, status.length, status.mtime_nsec)

    def relative(self, path: str) -> str:
        """See `FileTree`."""
        path = path.removeprefix(f"{self.root}/")
        return path if "://" in path else posixpath.normpath(path)

    def names(self, folder: str) -> list[str]:
        """See `FileTree`."""
        try:
            with _gfile() as gfile:
                names = gfile.listdir(posixpath.join(self.root, folder))
        except OSError:
            return []
        return sorted(name.rstrip("/") for name in names)

    @contextlib.contextmanager
    def _open(self, path: str) -> Iterator[BinaryIO]:
        full = path if "://" in path else posixpath.join(self.root, path)
        with _gfile() as gfile, gfile.GFile(full, "rb") as file:
            yield file

    @contextlib.contextmanager
    def local(self, path: str) -> Iterator[str]:
        """See `FileTree`. The file is copied, since decoders read only from the disk."""
        with tempfile.NamedTemporaryFile(prefix="clip-") as copy:
            with self._open(path) as file:
                shutil.copyfileobj(file, copy, 1 << 20)
            copy.flush()
            yield copy.name


@contextlib.contextmanager
def _gfile() -> Iterator[Any]:
    """Gives TensorFlow's file functions, whose errors become OSError."""
    import tensorflow as tf

    try:
        yield tf.io.gfile
    except tf.errors.OpError as error:
        raise OSError(error.message) from error


def _is_outside(path: str) -> bool:
    return path in (".", "..") or path.startswith(("../", "/")) or "://" in path
