"""Parts of a data set, such as splits or folds, dealt by a hash of a name."""

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Parts:
    """The parts of a data set, and how large they are. They are the same on every machine.

    Attributes:
        shares: Share of each part, in the order of their intervals; together 1.
        seed: Text that decides what goes where.
        order: The parts by how bad it is to have no clip of a class in them.
    """

    shares: Mapping[str, float]
    seed: str
    order: tuple[str, ...]

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """The interval of positions of every part."""
        bounds = [0.0, *itertools.accumulate(self.shares.values())]
        bounds[-1] = 1.0  # Shares add up to 1 only nearly.
        return dict(zip(self.shares, itertools.pairwise(bounds), strict=True))

    def part_of(self, unit: str) -> str:
        """Returns the part of a group of clips by its hash alone.

        The position of its name falls into intervals as wide as the shares. Nothing else matters,
        so a clip keeps its part when other clips are added or removed, or when the data root moves.

        Args:
            unit: Name of the group; the clip's own id if it has no group.

        Returns:
            One of the parts.
        """
        position = position_of(unit, self.seed)
        bounds = self.intervals.items()
        return next(part for part, (_, upper) in bounds if position < upper or upper == 1)


def position_of(unit: str, seed: int | str) -> float:
    """Returns the first 8 bytes of SHA-256 over a seed and a name, as a fraction of 2**64."""
    digest = hashlib.sha256(f"{seed}/{unit}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
