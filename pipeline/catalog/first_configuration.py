"""Writes a first configuration from what is in a folder of sounds."""

import collections
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import soundfile

from components.audio_example_gen.sources import list_source
from components.audio_example_gen.sources.likely_groups import LikelyGroups, find_likely_groups
from components.audio_example_gen.sources.listing import Listing
from components.audio_example_gen.sources.unassigned_files import find_in
from components.audio_example_gen.splits.split_assignment import SPLIT_NAMES
from components.file_trees.data_root import open_tree
from components.file_trees.file_tree import FileTree
from components.file_trees.sound_names import is_sound
from pipeline.catalog.first_sections import model_lines, split_lines, yaml_value
from pipeline.catalog.first_table import TABLE_EXTENSIONS, find_table
from schema.config.source_settings import SourceSettings
from schema.config.split_settings import SPLITS, SplitSettings
from vggish.errors import DataSetError

_NOISE_FOLDERS = ("_background_noise_", "background_noise")
_LABELS_IN_NAMES = (r"(?:^|/)([^/_]+)_[^/]*$", r"(?:^|/)([^/_. -]+)[_. -][^/]*$")
"""Where a class may be if there are no folders: before the first separator of the name."""

_LEAST_CLIPS = 3
"""Minimum number of clips of a class that is guessed from names."""

_HEADERS_READ = 100
_CLASSES_NAMED = 8


@dataclass(frozen=True)
class FoundDataSet:
    """What is in a folder of sounds.

    Attributes:
        listing: Its sounds, with their classes.
        source: The keys of the section `source`, without the root.
        split: The keys of the section `split`.
        labelled_by: Where the classes come from, in words.
        groups: Groups that the names show; already in `source`.
        tables: Tables beside the sounds.
        formats: Number of files by sample rate in Hz, of a sample of the files.
    """

    listing: Listing
    source: dict[str, object]
    split: dict[str, object]
    labelled_by: str
    groups: LikelyGroups | None
    tables: tuple[str, ...]
    formats: dict[int, int]

    @property
    def sounds(self) -> str:
        """The number of sounds and the names of the classes, in words."""
        classes = self.listing.classes
        named = ", ".join(classes[:_CLASSES_NAMED])
        more = f" and {len(classes) - _CLASSES_NAMED} more" if len(classes) > _CLASSES_NAMED else ""
        return f"{len(self.listing.files)} sounds of {len(classes)} classes: {named}{more}"

    @property
    def grouping(self) -> str:
        """What is known of groups, in words."""
        if self.groups is None:
            return "No groups (such as speakers) were found in the names of the files."
        return (
            f"The names show {self.groups.groups} groups, such as {self.groups.example!r}. Each "
            f"stays in one split; else {self.groups.straddling:.0%} of the clips would have clips "
            "of their group in another split."
        )


def look_into(folder: str) -> FoundDataSet:
    """Looks for sounds, classes, groups and tables in a folder.

    Args:
        folder: A folder, or an address that TensorFlow reads.

    Returns:
        What was found.

    Raises:
        DataSetError: There is no such folder, or no way to tell classes apart.
    """
    tree = open_tree(folder)
    entries = list(tree.walk())
    sounds = [entry.path for entry in entries if is_sound(entry, tree)]
    tables = tuple(e.path for e in entries if e.path.lower().endswith(TABLE_EXTENSIONS))
    source, split, labelled_by = _read_layout(sounds, tables, tree)
    listing = _list(folder, source, split)
    if not listing.classes:
        raise DataSetError(
            f"The folder {tree.root} has {len(sounds)} sounds, but no classes; put the sounds of "
            "each class into a folder of its own, or write a configuration with a table of them."
        )
    groups = find_likely_groups(listing.files)
    if groups is not None:
        source["group_pattern"] = groups.pattern
    formats = _read_rates(sounds, tree)
    return FoundDataSet(listing, source, split, labelled_by, groups, tables, formats)


def _list(folder: str, source: dict[str, object], split: dict[str, object]) -> Listing:
    settings = SourceSettings.model_validate(source | {"root": folder})
    return list_source(settings, SplitSettings.model_validate(split))


def _read_layout(
    sounds: Sequence[str], tables: Sequence[str], tree: FileTree
) -> tuple[dict[str, object], dict[str, object], str]:
    """Returns the keys of `source` and `split`, and what gives the classes."""
    noise = [name for name in _NOISE_FOLDERS if any(s.startswith(f"{name}/") for s in sounds)]
    source: dict[str, object] = {"noise_folders": noise} if noise else {}
    clips = [path for path in sounds if path.partition("/")[0] not in noise]
    folders = {path.partition("/")[0] for path in clips if "/" in path}
    by_split = _split_folders(folders)
    if by_split and all(path.count("/") > 1 for path in clips):
        split: dict[str, object] = {"kind": "folders", **by_split}
        pattern = "^[^/]+/([^/]+)/"
        return source | {"label_pattern": pattern}, split, "the folder below that of the split"
    if len(folders) > 1 and not by_split:
        return source, {}, "the folder"
    if found := find_table(tables, clips, tree):
        return {"kind": "manifest", "tables": [found.settings]}, found.split, found.words
    for pattern in _LABELS_IN_NAMES:
        labels = collections.Counter(find_in(pattern, path) for path in clips)
        if len(labels) > 1 and None not in labels and min(labels.values()) >= _LEAST_CLIPS:
            return source | {"label_pattern": pattern}, {}, "the first part of the name"
    if by_split:
        raise DataSetError(
            f"The folder {tree.root} has the splits {', '.join(sorted(folders))}, but no classes "
            "below them; put the sounds of each class into a folder of its own there."
        )
    return source, {}, "the folder"  # The listing will say what is wrong.


def _split_folders(folders: Iterable[str]) -> dict[str, str] | None:
    """Returns the keys of `split` if the folders are splits, at least train and test."""
    found = {
        f"{split}_folder": folder
        for split in SPLITS
        for folder in sorted(folders)
        if folder.lower() in SPLIT_NAMES[split]
    }
    complete = {"train_folder", "test_folder"} <= found.keys()
    return found if complete and len(found) == len(set(folders)) else None


def _read_rates(sounds: Sequence[str], tree: FileTree) -> dict[int, int]:
    step = max(1, len(sounds) // _HEADERS_READ)
    rates: collections.Counter[int] = collections.Counter()
    for path in sounds[::step]:
        try:
            with tree.local(path) as local:
                rates[soundfile.info(local).samplerate] += 1
        except (soundfile.LibsndfileError, DataSetError):
            continue  # FFmpeg may read it.
    return dict(rates.most_common())


def to_yaml(found: FoundDataSet) -> str:
    """Writes the configuration with comments.

    Args:
        found: What is in the folder.

    Returns:
        YAML, which `schema.config.config_file` reads.
    """
    rates = ", ".join(f"{rate} Hz" for rate in found.formats) or "unknown"
    lines = [
        f"# {found.sounds}.",
        f"# Sample rates: {rates}; everything is converted to 16 kHz, mono.",
        "source:",
        f"  root: {yaml_value(found.listing.root)}",
        f"  # The class is {found.labelled_by}.",
        *(f"  {key}: {yaml_value(v)}" for key, v in found.source.items() if key != "group_pattern"),
        f"  # {found.grouping}",
    ]
    if found.groups:
        lines.append(f"  group_pattern: {yaml_value(found.groups.pattern)}")
    else:
        lines.append("  # group_pattern: a regular expression; its first parenthesis is the group.")
    beside = [name for name in found.tables if name not in str(found.source)]
    if beside:
        named = ", ".join(beside[:_CLASSES_NAMED])
        lines.append(f"  # Tables that are not used (see kind: manifest): {named}.")
    lines += [
        *split_lines(found.split),
        "features:",
        "  # The released VGGish. Or the path of vggish_model.ckpt; `random` only for a trial.",
        "  checkpoint: download",
        *model_lines(),
    ]
    return "\n".join(lines) + "\n"
