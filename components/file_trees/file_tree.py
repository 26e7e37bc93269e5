"""The files below a data root, whatever stores them.

A file that is not there, or that nobody may read, is refused. Every other failure is the storage's
or the machine's: it is raised, since a file must not be lost to it.
"""

import contextlib
import fnmatch
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from components.file_trees.refusals import RefusedError, Reject
from vggish.errors import DataSetError

_WILDCARDS = "*?["


@dataclass(frozen=True, slots=True)
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
            raise unreadable_path(path, error) from error

    def tables(self, pattern: str, key: str) -> Iterator[Entry]:
        """Yields the tables that the configuration names.

        Args:
            pattern: A path below the root; a wildcard stands for a part of a file's or a folder's
                name.
            key: The key of the configuration.

        Raises:
            DataSetError: There is no such table, or it may not be read.
            OSError: The storage failed.
        """
        found = 0
        for entry in self._matching(pattern):
            if entry.refused:
                raise DataSetError(
                    f"The table {entry.path} cannot be read: {entry.refused.detail}."
                )
            found += 1
            yield entry
        if not found:
            raise DataSetError(f"There is no table {pattern} in {self.root}; correct {key}.")

    def _matching(self, pattern: str) -> Iterator[Entry]:
        if any(sign in pattern for sign in _WILDCARDS):
            yield from (entry for entry in self.walk() if _matches(entry.path, pattern))
        else:
            yield from self.find([self.relative(pattern)])


def _matches(path: str, pattern: str) -> bool:
    parts, wanted = path.split("/"), pattern.strip("/").split("/")
    return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))


def unreadable_path(path: str, error: RefusedError) -> DataSetError:
    """Returns the error for a path of the configuration that cannot be read."""
    return DataSetError(
        f"{path}, which the configuration names, cannot be read ({error}); check the path."
    )


def is_outside(path: str) -> bool:
    """Tells whether a path relative to a root leads out of it."""
    return path in (".", "..") or path.startswith(("../", "/")) or "://" in path
