"""The terminal during a run; the messages of TensorFlow, Beam and TFX go to a log."""

import gc
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from vggish.progress import LOGGER_NAME

if TYPE_CHECKING:
    from pipeline.runners.local_runner import NodeRun

_SECONDS_BETWEEN_LINES = 10.0
_SECONDS_BETWEEN_LOOKS = 0.2


@contextmanager
def follow(log: Path, console: Console) -> Iterator[None]:
    """Also shows what is written to a file meanwhile.

    Args:
        log: The file, which exists.
        console: The terminal.
    """
    ended = threading.Event()

    def show() -> None:
        with log.open(errors="replace") as file:
            file.seek(0, os.SEEK_END)
            while True:
                last = ended.wait(_SECONDS_BETWEEN_LOOKS)
                if text := file.read():
                    console.out(text, end="")
                elif last:
                    return

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def quiet(log: Path) -> Iterator[Console]:
    """Sends the standard output and error of this process and its libraries to a file.

    The file descriptors are redirected, not only Python's objects, because most warnings come from
    C++ libraries.

    Args:
        log: The file to append to.

    Yields:
        A console on the original standard error.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(descriptor) for descriptor in (1, 2)]
    with log.open("ab") as file, os.fdopen(os.dup(saved[1]), "w") as screen:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
        try:
            yield Console(file=screen, highlight=False)
        except BaseException:
            gc.collect()  # What was interrupted half-way may complain as it goes: in the log.
            raise
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, original in enumerate(saved, start=1):
                os.dup2(original, descriptor)
                os.close(original)


class NodeProgress(logging.Handler):
    """Shows one line per node: its name, its progress, and its time.

    On a terminal, the line of the running node is updated in place. Elsewhere, its progress is
    printed at most every ten seconds.

    Args:
        console: The terminal.
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
            # Other output goes to the log.
            redirect_stdout=False,
            redirect_stderr=False,
        )
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

    def started(self, node: str, nodes: Sequence[str]) -> None:
        """Shows that a node runs."""
        width = max(map(len, nodes))
        self.show(f"{nodes.index(node) + 1:2}/{len(nodes)} {node:{width}}")

    def show(self, line: str) -> None:
        """Starts a moving line."""
        self.clear()
        self._node = line
        self._last_line = time.monotonic()
        self._task = self._live.add_task(line, total=None)

    def emit(self, record: logging.LogRecord) -> None:
        """Shows the progress of the running node; logging calls this from any thread."""
        message = record.getMessage()
        if self._console.is_terminal:
            if self._task is not None:
                self._live.update(self._task, description=f"{self._node} {message}")
        elif time.monotonic() - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            self._console.print(f"{self._node} {message}")

    def ended(self, run: "NodeRun") -> None:
        """Replaces the moving line with the result of the node."""
        self.clear()
        outcome = "cached" if run.cached else "done"
        self._console.print(f"{self._node} {outcome:8} {run.seconds:6.1f} s")

    def say(self, text: str) -> None:
        """Writes a line above the moving one."""
        # Not wrapped: nobody can copy a path that is cut in two.
        self._console.print(text, markup=False, soft_wrap=True)

    def clear(self) -> None:
        """Removes the moving line."""
        if self._task is not None:
            self._live.remove_task(self._task)
            self._task = None
