"""The summary of an ingestion, and the checks that its clips suffice for training."""

import collections
from collections.abc import Iterable
from typing import Any

from components.audio_example_gen.duplicates import SameSounds
from components.audio_example_gen.leaks import AcceptedFile
from components.audio_example_gen.sources.listing import Listing
from schema.config.ingest_settings import IngestSettings
from schema.config.split_settings import SPLITS, UNLABELLED
from vggish.errors import DataSetError

_POLICY_REASONS = ("duplicate",)
"""Reasons that are choices of the settings, not faults of the data set."""


def counts_of(file: AcceptedFile) -> dict[tuple[str, ...], int]:
    """Returns what an accepted file adds to the counts; see `summarize`."""
    counts: dict[tuple[str, ...], int] = {
        ("accepted",): 1,
        ("silent",): file.silent,
        ("clipped",): file.clipped,
        ("split", file.split): file.clips,
    }
    return counts | {("label", label, file.split): file.clips for label in file.labels}


def without_copies(
    counts: Iterable[tuple[tuple[str, ...], int]], same: SameSounds
) -> Iterable[tuple[tuple[str, ...], int]]:
    """Returns the counts after copies that were found last are taken out; see `summarize`."""
    total = collections.Counter(dict(counts))
    for file, reject in same.refused.values():
        total.subtract(counts_of(file))
        total["rejected", reject.reason] += 1
    total["duplicate",] += len(same.copies)
    return sorted(total.items())


def summarize(listing: Listing, counts: Iterable[tuple[tuple[str, ...], int]]) -> dict[str, Any]:
    """Gathers the counts into the `clips` section of a run's summary.

    Args:
        listing: Listing of the source.
        counts: Numbers by what they count: `found`, if it is not the number of listed files,
            `accepted`, `duplicate`, `silent`, `clipped`, `noise_rejected`, `rejected` with the
            reason, `split` with its name, `label` with its name and the split's.

    Returns:
        `found`, `accepted`, `rejected` files; `by_reason` of refusal; `by_split` and `by_label`, of
        clips; `duplicates`, files that are identical to another; `silent` and `clipped` clips;
        `noise`, `noise_rejected`, `left_out` and `other_files`, files that `found` does not count.
    """
    totals: dict[str, int] = collections.defaultdict(int)
    by_reason: dict[str, int] = {}
    by_split = dict.fromkeys(SPLITS, 0)
    by_label: dict[str, dict[str, int]] = collections.defaultdict(lambda: dict.fromkeys(SPLITS, 0))
    for key, number in counts:
        match key:
            case ("rejected", reason):
                by_reason[reason] = number
            case ("split", split):
                by_split[split] = number
            case ("label", label, split):
                by_label[label][split] = number
            case (name,):
                totals[name] = number
    return {
        "found": totals["found"] or len(listing.files),
        "accepted": totals["accepted"],
        "rejected": sum(by_reason.values()),
        "duplicates": totals["duplicate"],
        "silent": totals["silent"],
        "clipped": totals["clipped"],
        "noise": len(listing.noise) - totals["noise_rejected"],
        "noise_rejected": totals["noise_rejected"],
        "left_out": listing.left_out,
        "other_files": listing.other_files,
        "by_reason": by_reason,
        "by_split": by_split,
        "by_label": by_label,
    }


def check_rejects(by_reason: dict[str, int], found: int, ingest: IngestSettings) -> None:
    """Refuses a data set with too many refused files.

    Args:
        by_reason: Number of refused files by reason.
        found: Number of files.
        ingest: The limit.

    Raises:
        DataSetError: More files were refused than the limit allows, or a copy if
            `ingest.duplicates` is `stop`.
    """
    copies = by_reason.get("duplicate", 0)
    if copies and ingest.duplicates == "stop":
        raise DataSetError(
            f"{copies} of {found} files are copies of sounds in other splits, and "
            "ingest.duplicates is 'stop'; remove one of each pair, or set it to keep."
        )
    faults = {r: n for r, n in by_reason.items() if r not in _POLICY_REASONS}
    rejected = sum(faults.values())
    share = rejected / found
    if share > ingest.max_reject_fraction:
        reasons = ", ".join(f"{n} {reason}" for reason, n in sorted(faults.items()))
        raise DataSetError(
            f"{rejected} of {found} files were refused ({reasons}), a share of {share:.3g}, but "
            f"ingest.max_reject_fraction allows {ingest.max_reject_fraction:g}; correct the files "
            "or raise it."
        )


def check_summary(summary: dict[str, Any], listing: Listing) -> None:
    """Refuses a data set that has too few clips to train and test a classifier.

    Args:
        summary: Summary of the ingestion.
        listing: Listing of the source.

    Raises:
        DataSetError: A split or a class has too few clips.
    """
    lost = summary["found"] - summary["accepted"] - summary["rejected"]
    if lost:
        raise RuntimeError(f"{lost} of {summary['found']} files are neither accepted nor rejected")
    for split, count in summary["by_split"].items():
        if not count and split != UNLABELLED:
            raise DataSetError(
                f"The {split} split has no clips; add clips or groups, or change split.seed."
            )
    if not listing.single_label:
        return  # Among hundreds of labels, some are always too rare for every split.
    for label in listing.classes:
        clips = summary["by_label"].get(label, dict.fromkeys(SPLITS, 0))
        count = sum(clips.values())
        if count < len(SPLITS) or not clips["train"]:
            assigned = ", ".join(f"{split} {n}" for split, n in clips.items())
            raise DataSetError(
                f"The class {label!r} has {count} usable clips (by split: {assigned}), too few to "
                "train and test with; add clips, leave the class out, or change split.seed."
            )
