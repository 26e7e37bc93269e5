"""Which faults another attempt may not meet, and how a node is stopped when its time is up."""

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from vggish.errors import VggishError

GRACE_SECONDS = 10.0
"""How long a node whose time is up has to stop by itself."""

TRANSIENT = frozenset(
    {
        # TensorFlow's file systems and ML Metadata.
        "UnavailableError",
        "AbortedError",
        "DeadlineExceededError",
        # Python's, and those of requests and urllib3.
        "ConnectionError",
        "TimeoutError",
        "IncompleteRead",
        "ProtocolError",
        "Timeout",
        # Google's clients, of Cloud Storage and Dataflow.
        "BadGateway",
        "GatewayTimeout",
        "InternalServerError",
        "ServiceUnavailable",
        "TooManyRequests",
        "TransportError",
        "Aborted",
        "DeadlineExceeded",
    }
)
"""The names of exception classes, or of their base classes, that another attempt may not meet.

By name, so that none of these libraries is imported to look. TensorFlow's ResourceExhaustedError is
not among them: it is memory that is short, and the next attempt needs as much.
"""

_GRPC_CODES = frozenset({"UNAVAILABLE", "ABORTED", "DEADLINE_EXCEEDED"})

# What Beam's runners have of a worker's exception is the text of its traceback.
_IN_TEXT = re.compile(
    rf"^(?:[\w.]+\.)?(?:{'|'.join(sorted(TRANSIENT))}|ConnectionResetError|ConnectionRefusedError"
    r"|BrokenPipeError)\b|\bStatusCode\.(?:UNAVAILABLE|ABORTED|DEADLINE_EXCEEDED)\b"
    r"|\bjava\.net\.(?:Connect|SocketTimeout|Socket)Exception\b",
    re.MULTILINE,
)

# MySQL's and MariaDB's words where another transaction came first. ML Metadata hands some of them
# on as AbortedError, but "Record has changed since last read" as InternalError.
_RESTART = "try restarting transaction"


class TimeLimitError(Exception):
    """A node that took too long."""

    def __init__(self, node: str, seconds: float):
        super().__init__(
            f"The node {node} took longer than its limit of {seconds:g} s; raise "
            f"run.time_limits.{node} and give the same command again, it goes on from the last "
            "finished node."
        )


def is_transient(error: BaseException) -> bool:
    """Tells whether another attempt may succeed where this one failed.

    Args:
        error: What ended the attempt; its causes count, too. What is the user's to mend, such as a
            ConfigError or a DataSetError, and a time that is up are never transient.
    """
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    if any(isinstance(e, VggishError | TimeLimitError) for e in chain):
        return False
    return any(_looks_transient(e) for e in chain)


def _looks_transient(error: BaseException) -> bool:
    names = {base.__name__ for base in type(error).__mro__}
    if not TRANSIENT.isdisjoint(names) or ("InternalError" in names and _RESTART in str(error)):
        return True
    status: Any = getattr(error, "status_code", None)  # Of apitools' HttpError.
    if isinstance(status, int) and (status == 429 or status >= 500):
        return True
    code: Any = getattr(error, "code", None)
    if callable(code) and "RpcError" in names:
        return getattr(code(), "name", "") in _GRPC_CODES
    return isinstance(error, RuntimeError) and _IN_TEXT.search(str(error)) is not None


@contextmanager
def time_limit(node: str, seconds: float | None, tell: Callable[[str], None]) -> Iterator[None]:
    """Ends what runs within when its time is up.

    The main thread is interrupted. What does not stop within `GRACE_SECONDS`, such as one long call
    into a library of C++, ends with the process: the exit code is 1.

    Args:
        node: The node's name.
        seconds: Its limit; None: as long as it takes.
        tell: Is told the sentence if the process ends here.

    Raises:
        TimeLimitError: The time was up.
    """
    if seconds is None:
        yield
        return

    def end_process() -> None:
        tell(str(TimeLimitError(node, seconds)))
        os._exit(1)

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise TimeLimitError(node, seconds)

    watchdog = threading.Timer(seconds + GRACE_SECONDS, end_process)
    watchdog.daemon = True
    watchdog.start()
    in_main = threading.current_thread() is threading.main_thread()
    if in_main:
        previous = signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        if in_main:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
        watchdog.cancel()
