"""Transient errors, which a retry may not meet again, and time limits for nodes."""

import errno
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
"""How long a node has to stop by itself after its time limit."""

TRANSIENT_ERRORS = frozenset(
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
"""The names of transient exception classes, or of their base classes.

Names need no import of these libraries. TensorFlow's ResourceExhaustedError is not transient: it
means too little memory, and a retry needs as much.
"""

_GRPC_CODES = frozenset({"UNAVAILABLE", "ABORTED", "DEADLINE_EXCEEDED"})

_MOMENTARY = frozenset({errno.EIO, errno.EAGAIN, errno.ENOMEM, errno.ENFILE, errno.ESTALE})
"""The system's error numbers that a machine or a network disk gives for a while."""

# Beam's runners pass on a worker's exception as the text of its traceback.
_IN_TEXT = re.compile(
    rf"^(?:[\w.]+\.)?(?:{'|'.join(sorted(TRANSIENT_ERRORS))}|ConnectionResetError|ConnectionRefusedError"
    r"|BrokenPipeError)\b"
    rf"|^(?:OSError|BlockingIOError): \[Errno (?:{'|'.join(map(str, sorted(_MOMENTARY)))})\]"
    r"|\bStatusCode\.(?:UNAVAILABLE|ABORTED|DEADLINE_EXCEEDED)\b"
    r"|\bjava\.net\.(?:Connect|SocketTimeout|Socket)Exception\b",
    re.MULTILINE,
)

# MySQL and MariaDB say this if another transaction came first. ML Metadata passes some cases on as
# AbortedError, but "Record has changed since last read" as InternalError.
_RESTART = "try restarting transaction"


class TimeLimitError(Exception):
    """A node took longer than its limit."""

    def __init__(self, node: str, seconds: float):
        super().__init__(
            f"The node {node} took longer than its limit of {seconds:g} s; raise "
            f"run.time_limits.{node} and run the same command again, it continues after the last "
            "finished node."
        )


def error_chain(error: BaseException) -> list[BaseException]:
    """Lists an error and its causes, the outermost first."""
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    return chain


def is_transient(error: BaseException) -> bool:
    """Returns whether a retry may succeed.

    Args:
        error: The error that ended the attempt; its causes count as well. Errors that the user must
            fix, such as a ConfigError or a DataSetError, and time limits are never transient.
    """
    chain = error_chain(error)
    if any(isinstance(e, VggishError | TimeLimitError) for e in chain):
        return False
    return any(_looks_transient(e) for e in chain)


def _looks_transient(error: BaseException) -> bool:
    names = {base.__name__ for base in type(error).__mro__}
    restart = "InternalError" in names and _RESTART in str(error)
    if restart or not TRANSIENT_ERRORS.isdisjoint(names):
        return True
    if isinstance(error, OSError) and error.errno in _MOMENTARY:
        return True
    status: Any = getattr(error, "status_code", None)  # The attribute of apitools' HttpError.
    if isinstance(status, int) and (status == 429 or status >= 500):
        return True
    code: Any = getattr(error, "code", None)
    if callable(code) and "RpcError" in names:
        return getattr(code(), "name", "") in _GRPC_CODES
    return isinstance(error, RuntimeError) and _IN_TEXT.search(str(error)) is not None


@contextmanager
def time_limit(node: str, seconds: float | None, tell: Callable[[str], None]) -> Iterator[None]:
    """Interrupts the block when its time is up.

    The main thread is interrupted. If it does not stop within `GRACE_SECONDS`, for example in one
    long call into a C++ library, the process ends with exit code 1.

    Args:
        node: The node's name.
        seconds: The limit; None means no limit.
        tell: Called with a sentence before the process ends.

    Raises:
        TimeLimitError: The time is up.
    """
    if seconds is None:
        yield
        return

    def end_process() -> None:
        tell(f"Error: {TimeLimitError(node, seconds)}")
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
