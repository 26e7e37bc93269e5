"""Moves whole groups to other splits where the hash alone would leave a class short.

Each class has a need in every split: its share, counted from its first 100 clips at most. Shares up
to two clips are rounded up, so that a broken file does not leave a class without test clips; larger
ones are rounded down. A class is short in a split if it has no more than three quarters of its need
there. It then gets its need, as nearly as whole groups allow, from the groups whose hashes lie
nearest to that split. The hash leaves no large class short, so none of its clips move. Memory grows
with the groups of short classes alone.
"""

import collections
import math
import operator
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from components.audio_example_gen.sources.listing import SourceFile
from components.audio_example_gen.splits.hashed_splits import intervals_of, position_of, shares_of
from schema.config.split_settings import SplitSettings

_COUNTED_CLIPS = 100
"""A class of more clips needs no more in any split than one of this size: the hash has given them,
and clips must not move whenever others come."""

_ORDER = ("train", "test", "eval")
"""Splits by how bad it is to have no clip of a class in them."""

_MOST_SWAPPED = 200
"""Maximum number of a class's groups whose pairs are tried; with more, single moves suffice."""

_Change = tuple[int, ...]
"""Change of the number of classes without clips in train, test and eval, and of the number of clips
that all classes together lack. Lower is better, the first number first."""

_NO_CHANGE: _Change = (0, 0, 0, 0)


@dataclass(slots=True)
class _Unit:
    """A group, or a file without one.

    Attributes:
        position: Position of its name between 0 and 1.
        split: Its split.
        clips: Number of its clips by class.
    """

    name: str
    position: float
    split: str
    clips: collections.Counter[str]


def unit_of(file: SourceFile) -> str:
    """Returns what a file's split is decided by: its group or, without one, its id."""
    return file.group or file.clip_id


def moves_for_short_classes(
    files: Sequence[SourceFile], settings: SplitSettings, pinned: Collection[str]
) -> dict[str, str]:
    """Finds the groups to move to other splits, the same for the same files.

    Args:
        files: The files that the hash assigned, with their labels and splits.
        settings: The shares and the seed.
        pinned: Groups that stay, since the source gives some of their files a split.

    Returns:
        New splits by group, or by id of a file without one. Each class has its need in each split,
        as far as whole groups allow.
    """
    clips = collections.Counter(label for file in files for label in file.labels)
    needs = {label: needs_of(count, settings) for label, count in clips.items()}
    moves: dict[str, str] = {}
    while True:
        deal = _Deal(files, settings, needs, moves, pinned)
        found = dict(deal.moves())
        if not found:
            return moves
        moves |= found  # They may have left other classes short of some clips.


def needs_of(clips: int, settings: SplitSettings) -> dict[str, int]:
    """Returns how many clips of a class each split needs.

    Args:
        clips: Number of the class's clips.
        settings: The shares.

    Returns:
        Numbers by split, together at most `clips`. The first clip is for train, the second for
        test.
    """
    shares = shares_of(settings)
    counted = min(clips, _COUNTED_CLIPS)
    splits = [split for split in _ORDER if split in shares]
    needs = {
        split: _need(shares[split] * counted) if place < clips else 0
        for place, split in enumerate(splits)
    }
    while sum(needs.values()) > clips:
        needs[max(needs, key=lambda split: needs[split])] -= 1
    return needs


def _need(share: float) -> int:
    # Not quite exact: 0.07 * 100 is a little more than 7, and 0.57 * 100 a little less than 57.
    return max(int(share + 1e-9), min(2, math.ceil(share - 1e-9)))


class _Deal:
    """The groups of the classes that are short of clips in some split.

    Args:
        files: All files that the hash assigned.
        settings: The shares and the seed.
        needs: Numbers of clips by class and split.
        moved: Splits of the groups that moved before.
        pinned: Groups that stay.
    """

    def __init__(
        self,
        files: Sequence[SourceFile],
        settings: SplitSettings,
        needs: Mapping[str, Mapping[str, int]],
        moved: Mapping[str, str],
        pinned: Collection[str],
    ):
        self._needs = needs
        self._intervals = intervals_of(settings)
        self._order = [split for split in _ORDER if split in self._intervals]
        self._counts: collections.Counter[tuple[str, str]] = collections.Counter()
        for file in files:
            split = moved.get(unit_of(file), file.split or "")
            self._counts.update((label, split) for label in file.labels)
        short = {label for label in needs if any(self._is_short(label, s) for s in self._order)}
        names = {unit_of(file) for file in files if not short.isdisjoint(file.labels)}
        names.difference_update(pinned)
        self._units: dict[str, _Unit] = {}
        for file in files:
            name = unit_of(file)
            if name in names:
                if name not in self._units:
                    split = moved.get(name, file.split or "")
                    position = position_of(name, settings.seed)
                    self._units[name] = _Unit(name, position, split, collections.Counter())
                self._units[name].clips.update(file.labels)
        self._by_label: dict[str, list[_Unit]] = {label: [] for label in short}
        for unit in self._units.values():
            for label in short.intersection(unit.clips):
                self._by_label[label].append(unit)

    def moves(self) -> Iterator[tuple[str, str]]:
        """Moves groups while that improves the splits, and yields them with their new splits."""
        rarest_first = sorted(self._by_label, key=lambda name: (len(self._by_label[name]), name))
        improved = True
        while improved:
            improved = False
            for split in self._order:
                for label in rarest_first:
                    if self._is_short(label, split):
                        for unit, to in self._feed(label, split):
                            improved = True
                            yield unit.name, to

    def _feed(self, label: str, split: str) -> Iterator[tuple[_Unit, str]]:
        """Moves groups until a class has its need in a split, as far as possible."""
        while self._counts[label, split] < self._needs[label][split]:
            step = self._best_move(label, split)
            if not step and self._is_short(label, split):
                step = self._best_swap(label, split)
            if not step:
                return
            for unit, to in step:
                self._move(unit, to)
                yield unit, to

    def _is_short(self, label: str, split: str) -> bool:
        need = self._needs[label].get(split, 0)
        return need > 0 and 4 * self._counts[label, split] <= 3 * need

    def _best_move(self, label: str, split: str) -> list[tuple[_Unit, str]]:
        """Returns the move of a group of a class to a split: the nearest that improves the splits.

        The nearest is the one whose position is the nearest to the split's interval: when other
        clips join a class, it is nearly always the same one.
        """
        moves = [
            (change[:-1], self._distance(unit, split), unit.name, unit)
            for unit in self._by_label[label]
            if unit.split != split and (change := self._change(unit, split)) < _NO_CHANGE
        ]
        return [(min(moves, key=lambda move: move[:3])[3], split)] if moves else []

    def _best_swap(self, label: str, split: str) -> list[tuple[_Unit, str]]:
        """Returns the best two groups of a class to change places, one of them in a split.

        It matters where the only group in another split is a large one.
        """
        units = self._by_label[label]
        if len(units) > _MOST_SWAPPED:
            return []
        best: list[tuple[_Unit, str]] = []
        best_key: tuple[_Change, float, str, str] = (_NO_CHANGE, 0.0, "", "")
        for comes in [unit for unit in units if unit.split != split]:
            origin, first = comes.split, self._change(comes, split)
            self._move(comes, split)
            for goes in units:
                if goes.split == split and goes is not comes:
                    second = self._change(goes, origin)
                    change = tuple(map(operator.add, first, second))
                    distance = self._distance(comes, split) + self._distance(goes, origin)
                    key = (change, distance, comes.name, goes.name)
                    if change < _NO_CHANGE and (not best or key < best_key):
                        best, best_key = [(comes, split), (goes, origin)], key
            self._move(comes, origin)
        return best

    def _distance(self, unit: _Unit, split: str) -> float:
        lower, upper = self._intervals[split]
        return max(lower - unit.position, unit.position - upper, 0.0)

    def _change(self, unit: _Unit, to: str) -> _Change:
        """Returns what a move would change."""
        empty = dict.fromkeys(_ORDER, 0)
        lacking = 0
        for label, clips in unit.clips.items():
            for split, added in ((unit.split, -clips), (to, clips)):
                need, count = self._needs[label].get(split, 0), self._counts[label, split]
                lacking += max(0, need - count - added) - max(0, need - count)
                if need:
                    empty[split] += (count + added == 0) - (count == 0)
        return empty["train"], empty["test"], empty["eval"], lacking

    def _move(self, unit: _Unit, to: str) -> None:
        for label, clips in unit.clips.items():
            self._counts[label, unit.split] -= clips
            self._counts[label, to] += clips
        unit.split = to
