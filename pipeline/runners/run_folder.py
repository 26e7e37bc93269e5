"""The output folder of a run."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vggish.errors import ConfigError

_START = "%Y-%m-%d_%H-%M-%S.%f"
"""The name of a run's folder in `history`."""


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
    def history(self) -> Path:
        """What runs left for people and programs, one folder a run."""
        return self.root / "history"

    @staticmethod
    def start_of(folder: Path) -> datetime:
        """Returns when the run of a folder in `history` started."""
        return datetime.strptime(folder.name, _START)

    @property
    def latest(self) -> Path:
        """A link to the last run's folder in `history`."""
        return self.root / "latest"

    @property
    def report(self) -> Path:
        """The last run's report for people."""
        return self.root / "report.html"

    @property
    def summary(self) -> Path:
        """The last run's summary for programs."""
        return self.root / "summary.json"

    @property
    def test_predictions(self) -> Path:
        """The last run's table of test clips."""
        return self.root / "test_predictions.parquet"

    @property
    def out_of_fold(self) -> Path:
        """The last run's tables of the clips of a cross-validation."""
        return self.root / "out_of_fold"

    @property
    def predictions(self) -> Path:
        """The last run's tables of clips without labels."""
        return self.root / "predictions"

    @property
    def events(self) -> Path:
        """The last run's table of events in recordings."""
        return self.root / "events.csv"

    @property
    def recordings(self) -> Path:
        """The last run's account of these recordings."""
        return self.root / "recordings.jsonl"

    @property
    def embeddings(self) -> Path:
        """The last run's tables of embeddings."""
        return self.root / "embeddings"

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

    def publish(
        self, report: str, summary: dict[str, Any], tables: Mapping[Path, Path], when: datetime
    ) -> None:
        """Adds a run to `history`, and lets all stable paths show it in one step.

        Args:
            report: The report's page.
            summary: The summary.
            tables: By stable path, such as `embeddings / "fusion.parquet"`, the file in `artifacts`
                to show there.
            when: The start of the run.
        """
        run = self.history / f"{when:{_START}}"
        run.mkdir(parents=True)
        (run / self.report.name).write_text(report, encoding="utf-8")
        text = json.dumps(summary, indent=2, ensure_ascii=False) + "\n"
        (run / self.summary.name).write_text(text, encoding="utf-8")
        for shown, file in tables.items():
            link = run / shown.relative_to(self.root)
            link.parent.mkdir(exist_ok=True)
            _link(link, file)
        _link(self.latest, run)
        stable = (
            *(self.report, self.summary),
            *(self.test_predictions, self.out_of_fold, self.predictions, self.embeddings),
            *(self.events, self.recordings),
        )
        for path in stable:
            if (run / path.name).exists():
                _link(path, self.latest / path.name)
            else:
                path.unlink(missing_ok=True)


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


def _link(path: Path, target: Path) -> None:
    """Makes or replaces a link in one step; it survives a move of the whole output folder."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(os.path.relpath(target, path.parent))
    temporary.replace(path)
