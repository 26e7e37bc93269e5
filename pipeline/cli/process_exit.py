"""How a command ends: its exit codes, and Ctrl-C."""

import os
import signal
import threading
from types import FrameType
from typing import NoReturn

from pipeline.runners.retries import GRACE_SECONDS

EXIT_FAILURE = 1
"""Something failed, or a part of the input got no result."""

EXIT_WRONG_INPUT = 2
"""The input or the configuration is wrong."""

EXIT_INTERRUPTED = 130
"""The user pressed Ctrl-C."""


class Interruption:
    """The answer to Ctrl-C.

    The first Ctrl-C interrupts the main thread, which then cleans up. A library may swallow that or
    wait for its threads, so the process ends after `GRACE_SECONDS`, or at the second Ctrl-C.
    """

    def __init__(self) -> None:
        self._screen = os.dup(2)  # Standard error is a log during a run.
        self.happened = False
        """Whether the user pressed Ctrl-C."""

    def watch(self) -> None:
        """Installs the handler; only the main thread may call this."""
        signal.signal(signal.SIGINT, self._interrupt)

    def end_process(self) -> NoReturn:
        """Says what happened, and ends the process without waiting for any thread."""
        os.write(self._screen, b"Interrupted; run the same command again to continue.\n")
        os._exit(EXIT_INTERRUPTED)

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        if self.happened:
            self.end_process()
        self.happened = True
        watchdog = threading.Timer(GRACE_SECONDS, self.end_process)
        watchdog.daemon = True
        watchdog.start()
        raise KeyboardInterrupt
