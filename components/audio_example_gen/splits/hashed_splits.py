"""Splits by a hash of a name, the same on every machine."""

from components.stratified_groups.hashed_parts import Parts
from schema.config.split_settings import SPLITS, SplitSettings

_ORDER = ("train", "test", "eval")


def dealt_splits(settings: SplitSettings) -> Parts:
    """Returns the splits that are dealt: all, or train and eval if the source gives test.

    Args:
        settings: The split settings.
    """
    if settings.kind != "hash":
        shares = {"train": 1 - settings.eval_share, "eval": settings.eval_share}
    else:
        shares = {split: getattr(settings, split) for split in SPLITS}
    order = tuple(split for split in _ORDER if split in shares)
    return Parts(shares, str(settings.seed), order)


def split_of(unit: str, settings: SplitSettings) -> str:
    """Returns the split of a group of clips by its hash alone; see `Parts.part_of`."""
    return dealt_splits(settings).part_of(unit)
