"""Groups that the names of files suggest, such as speakers and recordings."""

import collections
import re
from collections.abc import Sequence
from dataclasses import dataclass

from components.audio_example_gen.sources.listing import SourceFile

_PATTERNS = (
    r"([^/]+)_nohash_[^/]*$",  # Speech Commands: SPEAKER_nohash_0.wav
    r"(?:^|/)[^/_]+_([^/_]+)_[0-9]+\.[^/.]+$",  # Spoken digits: DIGIT_SPEAKER_0.wav
    r"^[^/]+/([^/]+)/",  # CLASS/GROUP/0.wav
    r"([^/]+?)(?:[-_. ]+[0-9]+)+\.[^/.]+$",  # RECORDING-0-0.wav
    r"([^/]+)[-_. ]+[0-9]+\.[^/.]+$",  # RECORDING-0.wav
)
_OF_SEVERAL_CLASSES = _PATTERNS[1]
"""The middle of three parts is a speaker only if it comes with several classes."""

_LEAST_NAMED = 0.9
"""Minimum share of the clips that have a group."""

_LEAST_TOGETHER = 0.05
"""Minimum share of the clips that have a group with other clips."""

_LEAST_GROUPS = 3
"""Minimum number of a class's groups: fewer cannot be in train, eval and test."""


@dataclass(frozen=True)
class LikelyGroups:
    """Groups that a pattern finds.

    Attributes:
        pattern: The pattern, as `source.group_pattern` takes it.
        groups: Number of groups.
        example: Name of the largest group.
        straddling: Share of the clips whose group has clips in several splits.
    """

    pattern: str
    groups: int
    example: str
    straddling: float


def find_likely_groups(files: Sequence[SourceFile]) -> LikelyGroups | None:
    """Looks for groups in the names of files.

    Args:
        files: The files of a source, with their splits.

    Returns:
        The groups that the first of the known patterns finds; None if none of them fits, or if the
        source gives groups itself.
    """
    labelled = [file for file in files if file.labels and not file.refused]
    if not labelled or any(file.group for file in labelled):
        return None
    return next((found for p in _PATTERNS if (found := _find(p, labelled)) is not None), None)


def _find(pattern: str, files: Sequence[SourceFile]) -> LikelyGroups | None:
    search = re.compile(pattern).search
    clips: collections.Counter[str] = collections.Counter()
    splits: dict[str, set[str]] = {}
    groups_by_label: dict[str, set[str]] = {label: set() for file in files for label in file.labels}
    for file in files:
        if match := search(file.clip_id):
            group = match.group(1)
            clips[group] += 1
            splits.setdefault(group, set()).add(file.split or "")
            for label in file.labels:
                groups_by_label[label].add(group)
    together = sum(count for count in clips.values() if count > 1)
    pairs = sum(map(len, groups_by_label.values()))
    if (
        sum(clips.values()) < _LEAST_NAMED * len(files)
        or together < _LEAST_TOGETHER * len(files)
        or min(map(len, groups_by_label.values())) < _LEAST_GROUPS
        or (pattern == _OF_SEVERAL_CLASSES and pairs == len(clips))
    ):
        return None
    straddling = sum(clips[group] for group, found in splits.items() if len(found) > 1)
    example = max(clips, key=lambda group: (clips[group], group))
    return LikelyGroups(pattern, len(clips), example, straddling / len(files))
