"""The summary of an ingestion, and the checks that its clips suffice for training."""

import collections
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from components.audio_example_gen.duplicates import SameSounds
from components.audio_example_gen.leaks import AcceptedFile
from components.audio_example_gen.sources.annotated_recordings.recording_listing import (
    warnings_about_rows,
)
from components.audio_example_gen.sources.likely_groups import find_likely_groups
from components.audio_example_gen.sources.listing import Listing
from components.audio_example_gen.splits.class_coverage import check_classes, warnings_about
from schema.config.ingest_settings import IngestSettings
from schema.config.split_settings import SPLITS, UNLABELLED, SplitSettings
from vggish.errors import DataSetError

_POLICY_REASONS = ("duplicate",)
"""Reasons that are choices of the settings, not faults of the data set."""


def counts_of(file: AcceptedFile) -> dict[tuple[str, ...], int]:
    """Returns what an accepted file adds to the counts; see `summarize`."""
    counts: dict[tuple[str, ...], int] = {
        ("accepted",): 1,
        ("silent",): file.silent,
        ("clipped",): file.clipped,
        ("background",): file.background,
        ("windows_left_out",): file.left_out,
        ("split", file.split): file.clips,
    }
    return counts | {("label", name, file.split): clips for name, clips in file.clips_by_label}


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
            `accepted`, `duplicate`, `silent`, `clipped`, `background`, `windows_left_out`,
            `noise_rejected`, `rejected` with the reason, `split` with its name, `label` with its
            name and the split's.

    Returns:
        `found`, `accepted`, `rejected` files; `by_reason` of refusal; `by_split` and `by_label`, of
        clips; `duplicates`, files that are identical to another; `silent` and `clipped` clips;
        `noise`, `noise_rejected`, `left_out` and `other_files`, files that `found` does not count;
        `windows`, of annotated recordings that were accepted: `found`, `with_events`, `background`
        and `left_out`; `background`, clips that are none of the classes, if the source names some;
        `groups`: the `known` number of groups, the number of `files` that have one, the `largest`
        group of the test split, and the `likely` groups of a source without any; `warnings`, in
        sentences.
    """
    totals: dict[str, int] = collections.defaultdict(int)
    by_reason: dict[str, int] = {}
    by_split = dict.fromkeys(SPLITS, 0)
    by_label = {label: dict.fromkeys(SPLITS, 0) for label in listing.classes}
    for key, number in counts:
        match key:
            case ("rejected", reason):
                by_reason[reason] = number
            case ("split", split):
                by_split[split] = number
            case ("label", label, split):
                by_label.setdefault(label, dict.fromkeys(SPLITS, 0))[split] = number
            case (name,):
                totals[name] = number
    summary = {
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
        "groups": _groups(listing),
    }
    if any(file.events is not None for file in listing.files):
        summary["windows"] = _windows(totals, sum(by_split.values()))
    elif any(file.background for file in listing.files):
        summary["background"] = totals["background"]
    warnings = [*warnings_about_rows(listing.files), *warnings_about(summary)]
    return summary | {"warnings": warnings}


def _windows(totals: Mapping[str, int], clips: int) -> dict[str, int]:
    return {
        "found": clips + totals["windows_left_out"],
        "with_events": clips - totals["background"],
        "background": totals["background"],
        "left_out": totals["windows_left_out"],
    }


def _groups(listing: Listing) -> dict[str, Any]:
    accepted = [file for file in listing.files if not file.refused]
    grouped = [file.group for file in accepted if file.group]
    tested = [file.group for file in accepted if file.split == "test"]
    groups = collections.Counter(group for group in tested if group).most_common(1)
    likely = find_likely_groups(listing.files)
    straddle = likely is not None and likely.straddling > 0
    return {
        "known": len(set(grouped)),
        "files": len(grouped),
        "largest": {"group": groups[0][0], "share": groups[0][1] / len(tested)} if groups else None,
        "likely": asdict(likely) if likely and straddle else None,
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


def check_summary(summary: dict[str, Any], split: SplitSettings) -> None:
    """Refuses a data set that has too few clips to train and test a classifier.

    Args:
        summary: Summary of the ingestion.
        split: Whether a class may be missing from a split.

    Raises:
        DataSetError: A split has no clips, or none of a class.
    """
    lost = summary["found"] - summary["accepted"] - summary["rejected"]
    if lost:
        raise RuntimeError(f"{lost} of {summary['found']} files are neither accepted nor rejected")
    for name, count in summary["by_split"].items():
        if not count and name != UNLABELLED:
            raise DataSetError(
                f"The {name} split has no clips; add clips or groups, or change split.seed."
            )
    if not split.allow_missing:
        check_classes(summary["by_label"])
