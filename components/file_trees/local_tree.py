"""A data root on this machine's disk."""

import contextlib
import os
import posixpath
import stat
from collections.abc import Iterable, Iterator
from functools import lru_cache

from components.file_trees.file_tree import Entry, FileTree, is_outside
from components.file_trees.refusals import RefusedError, Reject
from vggish.audio.file_faults import ABSENT, FORBIDDEN
from vggish.errors import DataSetError


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    """Turns the errors that a file itself is to blame for into refusals."""
    try:
        yield
    except OSError as error:
        if error.errno in ABSENT:
            raise RefusedError("missing_file", f"{error.strerror}") from error
        if error.errno in FORBIDDEN:
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
            if is_outside(inside):
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
        full = os.path.join(self.root, path)
        with _disk():
            os.close(os.open(full, os.O_RDONLY))  # Raises an error if it cannot be opened.
        yield full


@lru_cache(maxsize=4096)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)
