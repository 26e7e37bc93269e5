"""What a source holds, before any sound is opened."""

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
    )


@dataclass(frozen=True)
class Reject:
    """Why a file is refused.

    Attributes:
        reason: One of `RefusedError.REASONS`.
        detail: One sentence.
    """

    reason: str
    detail: str


@dataclass(frozen=True)
class SourceFile:
    """One sound file of a source.

    Attributes:
        clip_id: The path relative to the data root, with POSIX separators.
        size: Bytes.
        modified: When it was written to last, in nanoseconds.
        labels: The class names; none where the clip is only to be predicted.
        group: What must not straddle splits, or None.
        fold: The fold that the source names, or None.
        said_split: What the source's column of splits says, or None.
        split: The split that the clip is written to. None before it is dealt to one, where the
            file is refused, and where a file holds many clips.
        free: Whether the clip might as well be in another split: nothing but its own name decided.
        refused: Where the listing alone rules the file out.
    """

    clip_id: str
    size: int = 0
    modified: int = 0
    labels: tuple[str, ...] = ()
    group: str | None = None
    fold: str | None = None
    said_split: str | None = None
    split: str | None = None
    free: bool = False
    refused: Reject | None = None


@dataclass(frozen=True)
class Listing:
    """All files of a source.

    Attributes:
        root: The data root.
        files: The sound files, in the order of their ids.
        noise: The ids of sounds to mix in.
        left_out: How many sounds the source's own lists leave out.
        other_files: How many files are no sounds.
        fingerprint: Changes when a file that matters comes, goes, or is written to.
    """

    root: str
    files: tuple[SourceFile, ...]
    noise: tuple[str, ...]
    left_out: int
    other_files: int
    fingerprint: str

    @property
    def classes(self) -> list[str]:
        """The class names of the files that are not refused, sorted."""
        return sorted({label for file in self.files if not file.refused for label in file.labels})

    @property
    def single_label(self) -> bool:
        """Whether every clip has one label; False where the labels are inside the files."""
        return bool(self.classes) and all(len(file.labels) <= 1 for file in self.files)
