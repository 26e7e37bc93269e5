"""Moves whole groups to other parts where the hash alone would leave a class short.

Parts are splits or folds. Each class has a need in every part: its share, counted from its first
100 clips at most. Shares up to two clips are rounded up, so that a broken file does not leave a
class without test clips; larger ones are rounded down. A class is short in a part if it has no more
than three quarters of its need there. It then gets its need, as nearly as whole groups allow, from
the groups whose hashes lie nearest to that part. The hash leaves no large class short, so none of
its clips move. Memory grows with the groups of short classes alone.
"""

import collections
import math
import operator
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from components.stratified_groups.hashed_parts import Parts, position_of

_COUNTED_CLIPS = 100
"""A class of more clips needs no more in any part than one of this size: the hash has given them,
and clips must not move whenever others come."""

_MOST_SWAPPED = 200
"""Maximum number of a class's groups whose pairs are tried; with more, single moves suffice."""

_Change = tuple[int, ...]
"""Change of the number of classes without clips in each part, by their order, and of the number of
clips that all classes together lack. Lower is better, the first number first."""


class Dealt(Protocol):
    """A clip, or a file of clips, that was dealt."""

    @property
    def unit(self) -> str:
        """Name of its group, or its own id."""

    @property
    def labels(self) -> Sequence[str]:
        """Class names."""

    @property
    def split(self) -> str | None:
        """The part that it is in."""


@dataclass(slots=True)
class _Unit:
    """A group, or a file without one.

    Attributes:
        position: Position of its name between 0 and 1.
        part: Its part.
        clips: Number of its clips by class.
    """

    name: str
    position: float
    part: str
    clips: collections.Counter[str]


def moves_for_short_classes(
    files: Sequence[Dealt], parts: Parts, pinned: Collection[str]
) -> dict[str, str]:
    """Finds the groups to move to other parts, the same for the same files.

    Args:
        files: The files that the hash assigned, with their labels and parts.
        parts: The parts, their shares and the seed.
        pinned: Groups that stay, since the source gives some of their files a part.

    Returns:
        New parts by group, or by id of a file without one. Each class has its need in each part,
        as far as whole groups allow.
    """
    clips = collections.Counter(label for file in files for label in file.labels)
    needs = {label: needs_of(count, parts) for label, count in clips.items()}
    moves: dict[str, str] = {}
    while True:
        deal = _Deal(files, parts, needs, moves, pinned)
        found = dict(deal.moves())
        if not found:
            return moves
        moves |= found  # They may have left other classes short of some clips.


def needs_of(clips: int, parts: Parts) -> dict[str, int]:
    """Returns how many clips of a class each part needs.

    Args:
        clips: Number of the class's clips.
        parts: The parts and their shares.

    Returns:
        Numbers by part, together at most `clips`. The first clip is for the first part of their
        order, the second for the second.
    """
    counted = min(clips, _COUNTED_CLIPS)
    needs = {
        part: _need(parts.shares[part] * counted) if place < clips else 0
        for place, part in enumerate(parts.order)
    }
    while sum(needs.values()) > clips:
        needs[max(needs, key=lambda part: needs[part])] -= 1
    return needs


def _need(share: float) -> int:
    # Not quite exact: 0.07 * 100 is a little more than 7, and 0.57 * 100 a little less than 57.
    return max(int(share + 1e-9), min(2, math.ceil(share - 1e-9)))


class _Deal:
    """The groups of the classes that are short of clips in some part.

    Args:
        files: All files that the hash assigned.
        parts: The parts, their shares and the seed.
        needs: Numbers of clips by class and part.
        moved: Splits of the groups that moved before.
        pinned: Groups that stay.
    """

    def __init__(
        self,
        files: Sequence[Dealt],
        parts: Parts,
        needs: Mapping[str, Mapping[str, int]],
        moved: Mapping[str, str],
        pinned: Collection[str],
    ):
        self._needs = needs
        self._intervals = parts.intervals
        self._order = parts.order
        self._no_change: _Change = (0,) * (len(parts.order) + 1)
        self._counts: collections.Counter[tuple[str, str]] = collections.Counter()
        for file in files:
            part = moved.get(file.unit, file.split or "")
            self._counts.update((label, part) for label in file.labels)
        short = {label for label in needs if any(self._is_short(label, s) for s in self._order)}
        names = {file.unit for file in files if not short.isdisjoint(file.labels)}
        names.difference_update(pinned)
        self._units: dict[str, _Unit] = {}
        for file in files:
            name = file.unit
            if name in names:
                if name not in self._units:
                    part = moved.get(name, file.split or "")
                    position = position_of(name, parts.seed)
                    self._units[name] = _Unit(name, position, part, collections.Counter())
                self._units[name].clips.update(file.labels)
        self._by_label: dict[str, list[_Unit]] = {label: [] for label in short}
        for unit in self._units.values():
            for label in short.intersection(unit.clips):
                self._by_label[label].append(unit)

    def moves(self) -> Iterator[tuple[str, str]]:
        """Moves groups while that improves the parts, and yields them with their new parts."""
        rarest_first = sorted(self._by_label, key=lambda name: (len(self._by_label[name]), name))
        improved = True
        while improved:
            improved = False
            for part in self._order:
                for label in rarest_first:
                    if self._is_short(label, part):
                        for unit, to in self._feed(label, part):
                            improved = True
                            yield unit.name, to

    def _feed(self, label: str, part: str) -> Iterator[tuple[_Unit, str]]:
        """Moves groups until a class has its need in a part, as far as possible."""
        while self._counts[label, part] < self._needs[label][part]:
            step = self._best_move(label, part)
            if not step and self._is_short(label, part):
                step = self._best_swap(label, part)
            if not step:
                return
            for unit, to in step:
                self._move(unit, to)
                yield unit, to

    def _is_short(self, label: str, part: str) -> bool:
        need = self._needs[label].get(part, 0)
        return need > 0 and 4 * self._counts[label, part] <= 3 * need

    def _best_move(self, label: str, part: str) -> list[tuple[_Unit, str]]:
        """Returns the move of a group of a class to a part: the nearest that improves the parts.

        The nearest is the one whose position is the nearest to the part's interval: when other
        clips join a class, it is nearly always the same one.
        """
        moves = [
            (change[:-1], self._distance(unit, part), unit.name, unit)
            for unit in self._by_label[label]
            if unit.part != part and (change := self._change(unit, part)) < self._no_change
        ]
        return [(min(moves, key=lambda move: move[:3])[3], part)] if moves else []

    def _best_swap(self, label: str, part: str) -> list[tuple[_Unit, str]]:
        """Returns the best two groups of a class to change places, one of them in a part.

        It matters where the only group in another part is a large one.
        """
        units = self._by_label[label]
        if len(units) > _MOST_SWAPPED:
            return []
        best: list[tuple[_Unit, str]] = []
        best_key: tuple[_Change, float, str, str] = (self._no_change, 0.0, "", "")
        for comes in [unit for unit in units if unit.part != part]:
            origin, first = comes.part, self._change(comes, part)
            self._move(comes, part)
            for goes in units:
                if goes.part == part and goes is not comes:
                    second = self._change(goes, origin)
                    change = tuple(map(operator.add, first, second))
                    distance = self._distance(comes, part) + self._distance(goes, origin)
                    key = (change, distance, comes.name, goes.name)
                    if change < self._no_change and (not best or key < best_key):
                        best, best_key = [(comes, part), (goes, origin)], key
            self._move(comes, origin)
        return best

    def _distance(self, unit: _Unit, part: str) -> float:
        lower, upper = self._intervals[part]
        return max(lower - unit.position, unit.position - upper, 0.0)

    def _change(self, unit: _Unit, to: str) -> _Change:
        """Returns what a move would change."""
        empty = dict.fromkeys(self._order, 0)
        lacking = 0
        for label, clips in unit.clips.items():
            for part, added in ((unit.part, -clips), (to, clips)):
                need, count = self._needs[label].get(part, 0), self._counts[label, part]
                lacking += max(0, need - count - added) - max(0, need - count)
                if need:
                    empty[part] += (count + added == 0) - (count == 0)
        return *empty.values(), lacking

    def _move(self, unit: _Unit, to: str) -> None:
        for label, clips in unit.clips.items():
            self._counts[label, unit.part] -= clips
            self._counts[label, to] += clips
        unit.part = to
