"""Finding the files that a person means by files, folders and glob patterns."""

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def find_files(arguments: Iterable[str]) -> Iterator[Path]:
    """Lists files, one argument after the other, each one's in the order of their names.

    A folder stands for every file below it that is not hidden, whatever its name ends with: what it
    is, its content says, and nothing is left out in silence. An argument that is neither there nor
    a pattern with matches stands for itself, so that opening it fails and is reported.

    Args:
        arguments: Paths of files and folders, and glob patterns, in which `**` means any folders.

    Yields:
        Paths that begin with the argument.
    """
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            yield from _files_below(path)
        elif path.exists():
            yield path
        else:
            matches = sorted(glob.glob(argument, recursive=True))
            yield from (Path(match) for match in matches if not Path(match).is_dir())
            if not matches:
                yield path


def printable_name(path: Path | str) -> str:
    """Returns a path with POSIX separators in which bytes that are no UTF-8 are escaped."""
    return os.fsencode(Path(path).as_posix()).decode(errors="backslashreplace")


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(files) if not name.startswith("."))
