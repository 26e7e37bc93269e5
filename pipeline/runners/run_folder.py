"""The output folder of a run."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vggish.errors import ConfigError


@dataclass(frozen=True)
class RunFolder:
    """The output folder of a run, and the paths in it.

    Attributes:
        root: The folder, absolute.
    """

    root: Path

    @property
    def artifacts(self) -> Path:
        """TFX's artifacts."""
        return self.root / "pipeline"

    @property
    def metadata(self) -> Path:
        """ML Metadata's SQLite file."""
        return self.root / "metadata.db"

    @property
    def serving(self) -> Path:
        """The pushed models, one folder a version."""
        return self.root / "serving"

    @property
    def log(self) -> Path:
        """The messages of TensorFlow, Beam and TFX."""
        return self.root / "run.log"

    @property
    def report(self) -> Path:
        """The report for people."""
        return self.root / "report.html"

    @property
    def summary(self) -> Path:
        """The summary for programs."""
        return self.root / "summary.json"

    @contextmanager
    def alone(self, tell: Callable[[str], None]) -> Iterator[None]:
        """Locks the folder, after waiting for another run to end.

        SQLite could serve two runs at once, but both would compute the same nodes and reuse nothing
        from each other. The operating system releases the lock when the process ends.

        Args:
            tell: Called with a line for the user if there is another run, or no lock.
        """
        with (self.root / ".lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                tell(f"Another run is using {self.root}; waiting for it to end.")
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError:
                tell(f"{self.root} is on a file system without locks; start no other run in it.")
            yield

    def write(self, report: str, summary: dict[str, Any]) -> None:
        """Replaces the report and the summary, each in one step."""
        replace_text(self.report, report)
        replace_text(self.summary, json.dumps(summary, indent=2, ensure_ascii=False) + "\n")


def open_run_folder(path: Path) -> RunFolder:
    """Opens an output folder, and creates it if it does not exist.

    Args:
        path: The folder.

    Returns:
        The folder, which is writable.

    Raises:
        ConfigError: The folder cannot be created or written to.
    """
    folder = RunFolder(path.expanduser().absolute())
    try:
        folder.root.mkdir(parents=True, exist_ok=True)
        with folder.log.open("a"):
            pass
    except OSError as error:
        raise ConfigError(
            f"The output folder {folder.root} cannot be written to ({error.strerror}); "
            "choose another with --output."
        ) from error
    return folder


def replace_text(path: Path, text: str) -> None:
    """Replaces a file in one step: a reader sees all of the old text or all of the new."""
    temporary = path.with_suffix(f"{path.suffix}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
