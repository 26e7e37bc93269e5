"""Splits by a hash of a name, the same on every machine."""

import hashlib
import itertools

from schema.config.split_settings import SPLITS, SplitSettings


def shares_of(settings: SplitSettings) -> dict[str, float]:
    """Returns the shares of the splits that are dealt, in the order of their intervals.

    Args:
        settings: The split settings.

    Returns:
        The shares of train, eval and test or, if the source gives the test split, of train and
        eval.
    """
    if settings.kind != "hash":
        return {"train": 1 - settings.eval_share, "eval": settings.eval_share}
    return {split: getattr(settings, split) for split in SPLITS}


def position_of(unit: str, seed: int) -> float:
    """Returns the first 8 bytes of SHA-256 over a seed and a name, as a fraction of 2**64."""
    digest = hashlib.sha256(f"{seed}/{unit}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def intervals_of(settings: SplitSettings) -> dict[str, tuple[float, float]]:
    """Returns the interval of positions of every split that is dealt."""
    shares = shares_of(settings)
    bounds = [0.0, *itertools.accumulate(shares.values())]
    bounds[-1] = 1.0  # Shares add up to 1 only nearly.
    return dict(zip(shares, itertools.pairwise(bounds), strict=True))


def split_of(unit: str, settings: SplitSettings) -> str:
    """Returns the split of a group of clips by its hash alone.

    The position of its name falls into intervals as wide as the shares. Nothing else matters, so a
    clip keeps its split when other clips are added or removed, or when the data root moves.

    Args:
        unit: Name of the group; the clip's own id if it has no group.
        settings: The shares and the seed.

    Returns:
        `train`, `eval` or `test`.
    """
    position = position_of(unit, settings.seed)
    intervals = intervals_of(settings)
    return next(split for split, (_, upper) in intervals.items() if position < upper or upper == 1)
