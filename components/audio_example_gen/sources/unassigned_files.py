"""The files that a source finds, before they are assigned to splits."""

import posixpath
import re
from dataclasses import dataclass

from components.audio_example_gen.sources.listing import SourceFile
from components.file_trees.file_tree import Entry, FileTree
from components.file_trees.refusals import Reject
from schema.config.source_settings import SourceSettings
from vggish.audio.sound_formats import named_like_sound


@dataclass(frozen=True)
class UnassignedFiles:
    """The files of a source, not yet assigned to splits; see `Listing` for the attributes."""

    files: tuple[SourceFile, ...]
    noise: tuple[str, ...] = ()
    left_out: int = 0
    other_files: int = 0


def to_source_file(
    entry: Entry, settings: SourceSettings, labels: tuple[str, ...], group: str | None
) -> SourceFile:
    """Makes a source's file of an entry, refused if it has no label or an unknown one.

    It is background if it is in a folder of `source.background`, or has labels of this list alone.

    Args:
        entry: The file.
        settings: The source.
        labels: Labels that the source gives the clip.
        group: Group that the source gives; None to use `source.group_pattern`.

    Returns:
        The file.
    """
    refused = entry.refused
    classes = tuple(label for label in labels if label not in settings.background)
    background = is_below(entry.path, settings.background) or bool(labels and not classes)
    labels = () if background else classes
    if is_below(entry.path, settings.unlabelled_folders):
        labels, background = (), False
    elif not labels and not background:
        refused = refused or Reject("no_label", "the source gives it no label")
    elif settings.classes is not None and not background:
        known = tuple(label for label in labels if label in settings.classes)
        if not known:
            named = ", ".join(labels)
            detail = f"source.classes does not name {named}"
            refused = refused or Reject("unknown_label", detail)
        labels = known
    if group is None:
        group = find_in(settings.group_pattern, entry.path)
    return SourceFile(
        entry.path,
        entry.size,
        entry.modified,
        labels=labels,
        background=background,
        group=group,
        fold=find_in(settings.fold_pattern, entry.path),
        refused=refused,
    )


def find_in(pattern: str | None, path: str) -> str | None:
    """Returns the text that a pattern's first group matches in a path, or None."""
    match = re.search(pattern, path) if pattern is not None else None
    return match.group(1) if match else None


def is_below(path: str, folders: tuple[str, ...]) -> bool:
    """Tells whether a path is below one of some folders."""
    return any(path.startswith(folder.strip("/") + "/") for folder in folders)


def sounds_beside(named: set[str], tree: FileTree) -> set[str]:
    """Returns the sounds, by their names, in the folders of the named files that are not named."""
    folders = {posixpath.dirname(path) for path in named if not path.startswith(("/", ".."))}
    beside = {
        posixpath.join(folder, name)
        for folder in folders
        for name in tree.names(folder)
        if not name.startswith(".") and named_like_sound(name)
    }
    return beside - named
