"""The errors that a user can correct.

Every error that this project raises on purpose derives from `VggishError`, and its text is one
sentence that says what was wrong, where, and what to do. The command line prints that sentence and
exits with 2; any other exception is a fault of the code or of the machine.
"""


class VggishError(Exception):
    """The root of the project's errors."""


class AudioError(VggishError):
    """A sound file that cannot be used.

    Attributes:
        reason: Machine-readable cause, one of `REASONS`, by which rejects are counted.
    """

    REASONS: tuple[str, ...] = ("unreadable", "damaged", "empty", "too_long", "non_finite")

    def __init__(self, reason: str, detail: str):
        super().__init__(detail)
        self.reason = reason


class AnnotationError(VggishError):
    """A table that does not say what is heard from when to when."""


class CheckpointError(VggishError):
    """A checkpoint or weights file that does not hold VGGish."""


class DataSetError(VggishError):
    """A data set that no classifier can be built from."""


class ConfigError(VggishError):
    """A configuration or command line that cannot be run."""
