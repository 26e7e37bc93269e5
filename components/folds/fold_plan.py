"""Which clips are tested, and which are trained on, in each fold of a cross-validation."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from components.folds.fold_clips import FoldClip
from components.stratified_groups.hashed_parts import Parts
from components.stratified_groups.short_classes import moves_for_short_classes
from schema.config.delivery_settings import ALL_FOLDS
from schema.folds import Fold
from vggish.errors import DataSetError


def plan_folds(
    clips: Sequence[FoldClip], folds: int | str, *, eval_share: float, seed: int
) -> list[Fold]:
    """Plans a cross-validation.

    In every fold, a part of the other folds is kept from the training, to choose epochs,
    calibration and thresholds. It is dealt as splits are: whole groups by their hash, and again
    where a class is short. So are the folds, if there are to be a number of them. A new clip moves
    no others, except of a class that has few.

    Args:
        clips: The clips of all folds.
        folds: Number of folds; `all` for those that the source gives.
        eval_share: Share of the other folds that is kept from the training.
        seed: Seed of what is dealt.

    Returns:
        The folds, in the order of their names.

    Raises:
        DataSetError: A clip has no fold, a group is in two, or there are too few groups.
    """
    by_fold = _given_folds(clips) if folds == ALL_FOLDS else _dealt_folds(clips, int(folds), seed)
    if len(by_fold) < 2 or not all(by_fold.values()):
        raise DataSetError(
            "A cross-validation needs at least two folds, all of them with clips, but "
            f"{sum(map(bool, by_fold.values()))} of {len(by_fold)} have some; add groups of clips, "
            "or set evaluate.folds to fewer."
        )
    parts = Parts({"train": 1 - eval_share, "eval": eval_share}, f"{seed}/eval", ("train", "eval"))
    return [_plan_fold(name, clips, by_fold[name], parts) for name in sorted(by_fold, key=_order)]


def _plan_fold(
    name: str, clips: Sequence[FoldClip], tested: Sequence[FoldClip], parts: Parts
) -> Fold:
    test = frozenset(clip.clip_id for clip in tested)
    heard = {clip.digest for clip in tested}
    others = [clip for clip in clips if clip.clip_id not in test]
    copies = frozenset(clip.clip_id for clip in others if clip.digest in heard)
    dealt = _deal([clip for clip in others if clip.clip_id not in copies], parts)
    if not dealt["train"] or not dealt["eval"]:
        raise DataSetError(
            f"Without the fold {name!r}, there are too few groups of clips for a training and an "
            "eval part; add groups, or set evaluate.folds to another number."
        )
    return Fold(name, test, frozenset(clip.clip_id for clip in dealt["eval"]), copies)


def _dealt_folds(clips: Sequence[FoldClip], folds: int, seed: int) -> dict[str, list[FoldClip]]:
    names = tuple(str(number) for number in range(1, folds + 1))
    return _deal(clips, Parts(dict.fromkeys(names, 1 / folds), f"{seed}/fold", names))


def _deal(clips: Sequence[FoldClip], parts: Parts) -> dict[str, list[FoldClip]]:
    """Deals whole groups to parts."""
    hashed = [replace(clip, split=parts.part_of(clip.unit)) for clip in clips]
    moves = moves_for_short_classes(hashed, parts, ())
    dealt: dict[str, list[FoldClip]] = {part: [] for part in parts.shares}
    for clip in hashed:
        dealt[moves.get(clip.unit, clip.split or "")].append(clip)
    return dealt


def _given_folds(clips: Sequence[FoldClip]) -> dict[str, list[FoldClip]]:
    by_fold: dict[str, list[FoldClip]] = defaultdict(list)
    first: dict[str, FoldClip] = {}
    for clip in clips:
        if clip.fold is None:
            raise DataSetError(
                f"evaluate.folds is all, but the source gives {clip.clip_id} no fold; add it, or "
                "set a number of folds."
            )
        other = first.setdefault(clip.unit, clip)
        if other.fold != clip.fold:
            raise DataSetError(
                f"The group {clip.group!r} is in two folds, {other.fold} ({other.clip_id}) and "
                f"{clip.fold} ({clip.clip_id}); correct its folds, or set evaluate.folds to a "
                "number, which keeps groups together."
            )
        by_fold[clip.fold].append(clip)
    return by_fold


def _order(name: str) -> tuple[tuple[int, str], ...]:
    """Sorts numbers in names as numbers: 2 before 10."""
    return tuple(
        (int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"\d+|\D+", name)
    )
