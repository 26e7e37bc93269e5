"""What a run leaves in its output folder."""

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
    """The output folder of a run, and where everything in it is.

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
        """What TensorFlow, Beam and TFX have to say."""
        return self.root / "run.log"

    @property
    def report(self) -> Path:
        """What a person reads."""
        return self.root / "report.html"

    @property
    def summary(self) -> Path:
        """What a program reads."""
        return self.root / "summary.json"

    @contextmanager
    def alone(self, tell: Callable[[str], None]) -> Iterator[None]:
        """Keeps other runs out of the folder, after waiting for the one that is in it.

        SQLite would serve both, but not the nodes: each would compute what the other computes, and
        reuse nothing of it. The lock ends with the process that holds it, however that ends.

        Args:
            tell: Is told that there is something to wait for.
        """
        with (self.root / ".lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                tell(f"Another run is at work in {self.root}; waiting for its end.")
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError:
                tell(f"{self.root} is on a file system without locks; start no other run in it.")
            yield

    def write(self, report: str, summary: dict[str, Any]) -> None:
        """Replaces the report and the summary, each in one step."""
        replace_text(self.report, report)
        replace_text(self.summary, json.dumps(summary, indent=2, ensure_ascii=False) + "\n")


def open_run_folder(path: Path) -> RunFolder:
    """Makes an output folder, or takes the one that is there.

    Args:
        path: The folder.

    Returns:
        The folder; it can be written to.

    Raises:
        ConfigError: It cannot be made or written to.
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
    """Writes a file anew in one step: who reads it sees all of the old text or of the new."""
    temporary = path.with_suffix(f"{path.suffix}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
