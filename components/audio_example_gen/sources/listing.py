"""The files of a source, before any sound is opened."""

from dataclasses import dataclass

from components.file_trees.refusals import Reject


@dataclass(frozen=True)
class AnnotatedEvent:
    """What a row of a table says about a recording.

    Attributes:
        start: Start in seconds.
        end: End in seconds.
        label: What is heard.
        place: The row in messages, such as `row 3 of night.txt`.
        known: Whether the label is a class; windows of others are left out.
    """

    start: float
    end: float
    label: str
    place: str
    known: bool = True


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One sound file of a source.

    Attributes:
        clip_id: The path relative to the data root, with POSIX separators.
        size: Size in bytes.
        modified: Time of the last change, in nanoseconds.
        labels: Class names; empty if the clip is only to be predicted, or is background. Of an
            annotated recording, those of all its windows.
        background: Whether the clip is none of the classes.
        group: Name of the group, whose files must be in one split, or None.
        fold: Fold that the source gives, or None.
        said_split: Value in the source's column of splits, or None.
        split: Split of the clip. None before one is assigned, if the file is refused, and if the
            file holds many clips.
        free: Whether the clip may move to another split, since only its name decided.
        refused: Why the listing refuses the file, or None.
        table: Path of the table of embeddings that holds the clip, or None.
        row: The clip's last row in it, counted from 0.
        events: What is heard when in an annotated recording, whose windows are clips; None of other
            files.
    """

    clip_id: str
    size: int = 0
    modified: int = 0
    labels: tuple[str, ...] = ()
    background: bool = False
    group: str | None = None
    fold: str | None = None
    said_split: str | None = None
    split: str | None = None
    free: bool = False
    refused: Reject | None = None
    table: str | None = None
    row: int = 0
    events: tuple[AnnotatedEvent, ...] | None = None

    @property
    def unit(self) -> str:
        """What decides a file's split: its group or, without one, its id."""
        return self.group or self.clip_id

    @property
    def is_labelled(self) -> bool:
        """Whether it is for training and scores.

        Background is, and an annotated recording, even without events.
        """
        return bool(self.labels) or self.background or self.events is not None


@dataclass(frozen=True)
class Listing:
    """All files of a source.

    Attributes:
        root: Data root.
        files: Sound files, sorted by id.
        noise: Ids of sounds to mix in.
        left_out: Number of sounds that the source's own lists leave out.
        other_files: Number of files that are not sounds.
        fingerprint: Text that changes when a file that matters is added, removed or changed.
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
