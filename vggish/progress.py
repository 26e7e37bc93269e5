"""Progress of a long step, reported through the standard logging.

A worker on a cluster reports in its own log; the command line shows the messages of a local run
next to the running node.
"""

import logging
import time

LOGGER_NAME = "vggish_tfx.progress"
_SECONDS_BETWEEN = 1.0
_LEAST_SHARE = 0.05
"""Share that must be done before the time left is told; what comes first also starts up."""


class Progress:
    """Counts what is done and logs it with the time that is left, at most once a second.

    Args:
        unit: Name of what is counted, in the plural.
        total: Total number, if known.
    """

    def __init__(self, unit: str, total: int | None = None):
        self._unit = unit
        self._total = total
        self._done = 0
        self._begin = self._last = time.monotonic()

    def advance(self, count: int = 1) -> None:
        """Adds `count` to what is done."""
        self._done += count
        now = time.monotonic()
        if now - self._last < _SECONDS_BETWEEN and self._done != self._total:
            return
        self._last = now
        message = f"{self._done} {self._unit}"
        if self._total is not None:
            message = f"{self._done} of {self._total} {self._unit}"
            left = (self._total - self._done) * (now - self._begin) / max(self._done, 1)
            if left >= 1 and self._done >= _LEAST_SHARE * self._total:
                message += f", {_in_words(left)} left"
        logging.getLogger(LOGGER_NAME).info(message)


def _in_words(seconds: float) -> str:
    for unit, name in ((3600, "h"), (60, "min")):
        if seconds >= 1.5 * unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.0f} s"
