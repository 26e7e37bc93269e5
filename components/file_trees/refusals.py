"""Why a file is refused."""

from dataclasses import dataclass

from vggish.errors import AudioError


class RefusedError(AudioError):
    """A file that cannot become a clip; docs/data.md says what each reason means."""

    REASONS: tuple[str, ...] = (
        *AudioError.REASONS,
        "too_short",
        "no_label",
        "unknown_label",
        "missing_file",
        "outside_root",
        "timeout",
        "duplicate",
        "missing_value",
        "not_a_number",
        "wrong_size",
        "conflict",
        "wrong_time",
    )


@dataclass(frozen=True)
class Reject:
    """Why a file is refused.

    Attributes:
        reason: One of `RefusedError.REASONS`.
        detail: Explanation, one sentence.
    """

    reason: str
    detail: str
