"""What a person sees of a run, apart from what TensorFlow, Beam and TFX have to say."""

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from vggish.progress import LOGGER_NAME

if TYPE_CHECKING:
    from pipeline.runners.local_runner import NodeRun

_SECONDS_BETWEEN_LINES = 10.0
_NAME_WIDTH = 20


@contextmanager
def quiet(log: Path) -> Iterator[Console]:
    """Sends the standard output and error of this process and its libraries to a file.

    The file descriptors are redirected, not only Python's objects: the warnings of C++ libraries
    are most of the storm.

    Args:
        log: The file; it is appended to.

    Yields:
        A console on what was the standard error.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(descriptor) for descriptor in (1, 2)]
    with log.open("ab") as file, os.fdopen(os.dup(saved[1]), "w") as screen:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
        try:
            yield Console(file=screen, highlight=False)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, original in enumerate(saved, start=1):
                os.dup2(original, descriptor)
                os.close(original)


def import_tensorflow_quietly() -> None:
    """Imports TensorFlow without what it writes to the standard error.

    TensorFlow 2.21 reports there that it found no GPU, whatever the level of its log is.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    saved = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        import tensorflow  # noqa: F401
    finally:
        os.dup2(saved, 2)
        os.close(saved)


class NodeProgress(logging.Handler):
    """One line a node: what runs, how far it is, and how long it took.

    On a terminal the line of the running node moves; elsewhere what moves is written at most every
    ten seconds.

    Args:
        console: Where to.
    """

    def __init__(self, console: Console):
        super().__init__()
        self._console = console
        self._live = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            # The screen is for this alone: what others write goes to the log.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self.runs: list[NodeRun] = []
        """What became of the nodes so far."""
        self._task: TaskID | None = None
        self._node = ""
        self._last_line = 0.0

    def __enter__(self) -> "NodeProgress":
        logger = logging.getLogger(LOGGER_NAME)
        logger.setLevel(logging.INFO)
        logger.addHandler(self)
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger(LOGGER_NAME).removeHandler(self)
        if self._console.is_terminal:
            self._live.stop()

    def started(self, node: str, place: int, nodes: int) -> None:
        """Shows that a node runs."""
        self.show(f"{place:2}/{nodes} {node:{_NAME_WIDTH}}")

    def show(self, line: str) -> None:
        """Starts a moving line."""
        self.clear()
        self._node = line
        self._last_line = time.monotonic()
        self._task = self._live.add_task(line, total=None)

    def emit(self, record: logging.LogRecord) -> None:
        """Shows how far the running node is; called by logging, from any thread."""
        message = record.getMessage()
        if self._console.is_terminal:
            if self._task is not None:
                self._live.update(self._task, description=f"{self._node} {message}")
        elif time.monotonic() - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            self._console.print(f"{self._node} {message}")

    def ended(self, run: "NodeRun") -> None:
        """Turns the line of the running node into its last state."""
        self.clear()
        self.runs.append(run)
        self._console.print(f"{self._node} {run.outcome.value:8} {run.seconds:6.1f} s")

    def retried(self, failure: str) -> None:
        """Says why the running node is tried again."""
        self.say(failure)

    def stopped(self, sentence: str) -> None:
        """Says why the process ends."""
        self.say(f"Error: {sentence}")

    def say(self, text: str) -> None:
        """Writes a line above the moving one."""
        # Not wrapped: a path that is cut in two cannot be copied.
        self._console.print(text, markup=False, soft_wrap=True)

    def clear(self) -> None:
        """Takes the moving line away."""
        if self._task is not None:
            self._live.remove_task(self._task)
            self._task = None
