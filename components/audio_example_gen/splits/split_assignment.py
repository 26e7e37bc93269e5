"""Assignment of clips to splits, the same on every machine."""

import hashlib
import posixpath
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from components.audio_example_gen.sources.listing import SourceFile
from components.audio_example_gen.splits.hashed_splits import dealt_splits, split_of
from components.file_trees.file_tree import FileTree
from components.stratified_groups.short_classes import moves_for_short_classes
from schema.config.split_settings import SPLITS, UNLABELLED, SplitSettings
from vggish.errors import ConfigError, DataSetError

SPLIT_NAMES = {
    "train": {"train", "training", "dev", "development"},
    "eval": {"eval", "valid", "validation", "val"},
    "test": {"test", "testing", "evaluation"},
}
"""Names of the splits in the columns of data sets."""

_REST = "rest"
_LEFT_OUT = "left out"
_Rule = Callable[[SourceFile], str]
"""Returns a file's split, `_REST` or `_LEFT_OUT`."""


@dataclass(frozen=True)
class AssignedFiles:
    """Files with their splits.

    Attributes:
        files: Files of the data set.
        left_out: Number of files that the settings leave out.
    """

    files: tuple[SourceFile, ...]
    left_out: int


def assign_splits(
    files: Sequence[SourceFile],
    settings: SplitSettings,
    tree: FileTree,
    *,
    many_clips: bool = False,
) -> AssignedFiles:
    """Assigns files to splits.

    Args:
        files: All files, with the refused ones.
        settings: The split settings.
        tree: Root of the files and of the lists.
        many_clips: Whether a file holds many clips. The hash then assigns them one by one, unless
            the settings give the whole file a split.

    Returns:
        The files with their splits.

    Raises:
        ConfigError: The settings do not fit the source.
        DataSetError: A list or a column is wrong, or a group is in two splits.
    """
    rule = _RULES[settings.kind](settings, files, tree)
    assigned: list[SourceFile] = []
    dealt: list[int] = []  # The places of the files that the hash assigns.
    left_out = 0
    for file in files:
        split = file.split or rule(file)
        if split == _LEFT_OUT:
            left_out += 1
        elif file.refused:
            assigned.append(file)
        elif many_clips:
            assigned.append(replace(file, split=None if split == _REST else split))
        elif not file.is_labelled:
            assigned.append(replace(file, split=UNLABELLED))
        elif split == _REST:
            split = split_of(file.unit, settings)
            dealt.append(len(assigned))
            assigned.append(replace(file, split=split, free=file.group is None))
        else:
            assigned.append(replace(file, split=split))
    _help_short_classes(assigned, dealt, settings)
    _check_groups(assigned)
    return AssignedFiles(tuple(assigned), left_out)


def _help_short_classes(
    assigned: list[SourceFile], dealt: Sequence[int], settings: SplitSettings
) -> None:
    """Moves groups to other splits where the hash leaves a class short."""
    of_source = set(range(len(assigned))).difference(dealt)
    pinned = {group for i in of_source if (group := assigned[i].group)}
    moves = moves_for_short_classes([assigned[i] for i in dealt], dealt_splits(settings), pinned)
    for i in dealt if moves else ():
        file = assigned[i]
        assigned[i] = replace(file, split=moves.get(file.unit, file.split))


def _by_hash(*_: object) -> _Rule:
    return lambda _: _REST


def _by_tables(_: SplitSettings, files: Sequence[SourceFile], __: FileTree) -> _Rule:
    if not any(file.split == "test" for file in files):
        raise ConfigError("split.kind is 'tables', but no table is `all_in: test`.")
    return lambda _: _REST


def _by_column(_: SplitSettings, files: Sequence[SourceFile], __: FileTree) -> _Rule:
    split_by_name = {name: split for split, names in SPLIT_NAMES.items() for name in names}
    said = {split_by_name.get((file.said_split or "").lower()) for file in files}
    train = "train" if "eval" in said else _REST

    def rule(file: SourceFile) -> str:
        if file.refused or not file.is_labelled:
            return _REST
        split = split_by_name.get((file.said_split or "").lower())
        if split is None:
            known = ", ".join(sorted(split_by_name))
            given = f"the split {file.said_split!r}" if file.said_split else "no split"
            raise DataSetError(
                f"split.kind is 'column', but the manifest gives {file.clip_id} {given}; use one "
                f"of {known}, or name the column under source.tables."
            )
        return train if split == "train" else split

    return rule


def _by_fold(settings: SplitSettings, files: Sequence[SourceFile], _: FileTree) -> _Rule:
    split_by_fold = {str(settings.test_fold): "test"}
    if settings.eval_fold is not None:
        split_by_fold[str(settings.eval_fold)] = "eval"
    folds = {file.fold for file in files if file.fold is not None}
    absent = split_by_fold.keys() - folds
    if absent:
        there = ", ".join(sorted(folds)) or "none; name the column, or set source.fold_pattern"
        raise ConfigError(f"split names the fold {min(absent)}, but the folds are {there}.")
    rest = "train" if settings.eval_fold is not None else _REST

    def rule(file: SourceFile) -> str:
        if file.fold is None and file.is_labelled and not file.refused and not file.split:
            raise DataSetError(
                f"split.kind is 'fold', but the source gives {file.clip_id} no fold; add it."
            )
        return split_by_fold.get(file.fold or "", rest)

    return rule


def _by_lists(settings: SplitSettings, files: Sequence[SourceFile], tree: FileTree) -> _Rule:
    lists = {split: getattr(settings, f"{split}_list") for split in SPLITS}
    stems = {_stem(file.clip_id) for file in files}
    split_by_stem: dict[str, str] = {}
    for split, name in lists.items():
        if name is None:
            continue
        listed = {_stem(path) for path in _read_list(tree.read(name), name)}
        if not listed & stems:
            raise DataSetError(
                f"None of the {len(listed)} paths in {name} is a sound below {tree.root}; its "
                "lines must be paths relative to the data root."
            )
        for stem in listed & split_by_stem.keys():
            raise DataSetError(f"{stem} is in the lists of two splits; take it out of one.")
        split_by_stem |= dict.fromkeys(listed, _named(split, lists))
    rest = _rest(lists)
    return lambda file: split_by_stem.get(_stem(file.clip_id), rest)


def _by_folders(settings: SplitSettings, files: Sequence[SourceFile], tree: FileTree) -> _Rule:
    folders = {split: getattr(settings, f"{split}_folder") for split in SPLITS}
    prefixes = {split: f"{name.strip('/')}/" for split, name in folders.items() if name is not None}
    for split, prefix in prefixes.items():
        if not any(file.clip_id.startswith(prefix) for file in files):
            raise ConfigError(
                f"split.{split}_folder names {folders[split]}, but {tree.root} has no "
                "sounds in such a folder; correct the setting."
            )
    rest = _rest(folders)

    def rule(file: SourceFile) -> str:
        matches = (s for s, prefix in prefixes.items() if file.clip_id.startswith(prefix))
        split = next(matches, None)
        return _named(split, folders) if split else rest

    return rule


def _named(split: str, given: dict[str, str | None]) -> str:
    """The split of files that a list or folder names; train may also have to provide eval."""
    return _REST if split == "train" and given["eval"] is None else split


def _rest(given: dict[str, str | None]) -> str:
    """The split of files that no list or folder names."""
    if given["train"] is not None:
        return _LEFT_OUT
    return "train" if given["eval"] is not None else _REST


def _read_list(content: bytes, name: str) -> list[str]:
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataSetError(f"The list {name} is not UTF-8; save it as UTF-8.") from error
    # Some data sets write the label after a tab.
    paths = (line.partition("\t")[0].strip() for line in lines)
    return [posixpath.normpath(path) for path in paths if path]


def _stem(path: str) -> str:
    """A path without its extension: a list stays valid after its data set was converted."""
    return posixpath.splitext(path)[0]


def _by_speech_commands(settings: SplitSettings, _: Sequence[SourceFile], __: FileTree) -> _Rule:
    return lambda file: speech_commands_split(file.clip_id, settings)


def speech_commands_split(path: str, settings: SplitSettings) -> str:
    """Returns the split that the Speech Commands data set gives a recording.

    The rule is `which_set` in the README of the data set and in TensorFlow's
    `tensorflow/examples/speech_commands/input_data.py`: SHA-1 of the name before `_nohash_`, modulo
    2**27, as a percentage.

    Args:
        path: Path of the recording.
        settings: The fractions of eval and test, which are 0.1 each in the data set's own lists.

    Returns:
        `train`, `eval` or `test`.
    """
    speaker = re.sub(r"_nohash_.*$", "", posixpath.basename(path))
    # The digest only spreads names; it protects no secret.
    digest = hashlib.sha1(speaker.encode(), usedforsecurity=False).hexdigest()
    percentage = int(digest, 16) % 2**27 * (100.0 / (2**27 - 1))
    if percentage < 100 * settings.eval:
        return "eval"
    return "test" if percentage < 100 * (settings.eval + settings.test) else "train"


_RULES: dict[str, Callable[[SplitSettings, Sequence[SourceFile], FileTree], _Rule]] = {
    "hash": _by_hash,
    "tables": _by_tables,
    "column": _by_column,
    "fold": _by_fold,
    "lists": _by_lists,
    "folders": _by_folders,
    "speech_commands": _by_speech_commands,
}


def _check_groups(files: Iterable[SourceFile]) -> None:
    first: dict[str, SourceFile] = {}
    for file in files:
        if file.group is None or file.split in (None, UNLABELLED):
            continue
        other = first.setdefault(file.group, file)
        if other.split != file.split:
            raise DataSetError(
                f"The group {file.group!r} is in two splits, {other.split} ({other.clip_id}) and "
                f"{file.split} ({file.clip_id}); give one of them another group or split."
            )
