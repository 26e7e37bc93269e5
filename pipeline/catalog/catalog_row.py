"""A file of a data set in its catalog."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class CatalogRow:
    """One file, or one clip of embeddings.

    Attributes:
        path: The file's id.
        labels: The class names.
        reason: The reason for refusing the file, or None.
        split: The split of its clips; None if it is refused.
        seconds: The duration of each clip; 0 if it is unknown.
        rate: The sample rate in Hz; 0 if there is no sound.
        format: The container and the coding.
        copy: Whether the file is identical to an earlier one.
        counts: What an accepted file adds to the counts; see `summarize`.
    """

    path: str
    labels: tuple[str, ...]
    reason: str | None = None
    split: str | None = None
    seconds: tuple[float, ...] = ()
    rate: int = 0
    format: str = ""
    copy: bool = False
    counts: Mapping[tuple[str, ...], int] = field(default_factory=dict)

    @property
    def duration(self) -> float:
        """The total duration of the clips, in seconds."""
        return sum(self.seconds)
