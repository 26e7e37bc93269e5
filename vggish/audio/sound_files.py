"""Finding sound files by path, folder and glob pattern."""

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def find_files(arguments: Iterable[str]) -> Iterator[Path]:
    """Lists files argument by argument, sorted by name within each.

    A folder stands for every file below it that is not hidden, with any extension, so no file is
    skipped silently. An argument that matches nothing is returned as it is, so that opening it
    fails and is reported.

    Args:
        arguments: Paths of files and folders, and glob patterns; `**` matches any folders.

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
    """Returns a path with POSIX separators with bytes that are not UTF-8 escaped."""
    return os.fsencode(Path(path).as_posix()).decode(errors="backslashreplace")


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(files) if not name.startswith("."))
