"""Which classes have clips in which splits, and what that is enough for.

It loads neither Beam nor TensorFlow, since a run is refused before they load.
"""

from collections.abc import Mapping
from typing import Any

from components.audio_example_gen.sources.listing import Listing
from schema.config.split_settings import SPLITS, SplitSettings
from vggish.errors import DataSetError

FEW_CLIPS = 50
"""Number of eval or test clips below which a run says so."""

_NAMED_CLASSES = 5
_WITHOUT = {
    "train": "the model cannot learn them",
    "eval": "they have no part in the choice of the best epoch and model",
    "test": "no score says how well they are recognised, and means over classes leave them out",
}
"""What it means that a class is missing from a split."""


def check_listing(listing: Listing, split: SplitSettings) -> None:
    """Refuses a data set in which a class lacks files of a split, before any sound is opened.

    Args:
        listing: Listing of the source.
        split: Whether a class may be missing from a split.

    Raises:
        DataSetError: There is such a class.
    """
    by_label = {label: dict.fromkeys(SPLITS, 0) for label in listing.classes}
    for file in listing.files:
        if not file.refused and file.split in SPLITS:
            for label in file.labels:
                by_label[label][file.split] += 1
    if not split.allow_missing:
        check_classes(by_label)


def check_classes(by_label: Mapping[str, Mapping[str, int]]) -> None:
    """Refuses a data set in which a class has no clips of a split.

    Args:
        by_label: Numbers of clips by class and split.

    Raises:
        DataSetError: There is such a class.
    """
    missing = missing_classes(by_label)
    classes = sorted({label for labels in missing.values() for label in labels})
    if not classes:
        return
    first = classes[0]
    splits = " and ".join(name for name, labels in missing.items() if first in labels)
    assigned = ", ".join(f"{name} {count}" for name, count in by_label[first].items())
    others = f" {len(classes) - 1} more classes are short, too;" if len(classes) > 1 else ""
    raise DataSetError(
        f"The class {first!r} has no clips in {splits} (by split: {assigned});{others} add clips "
        "or groups of it, leave it out, or set split.allow_missing to true to go on without."
    )


def missing_classes(by_label: Mapping[str, Mapping[str, int]]) -> dict[str, list[str]]:
    """Returns the classes without clips by split; splits that have all of them are left out."""
    missing = {
        split: [label for label, clips in sorted(by_label.items()) if not clips[split]]
        for split in SPLITS
    }
    return {split: labels for split, labels in missing.items() if labels}


def warnings_about(summary: Mapping[str, Any]) -> list[str]:
    """Says what the clips are too few for, and which groups may be in several splits.

    Args:
        summary: Summary of the ingestion.

    Returns:
        Sentences.
    """
    clips = summary["by_split"]
    found = []
    if clips["eval"] < FEW_CLIPS:
        found.append(
            f"There are only {clips['eval']} eval clips: the choice of the best epoch and model "
            f"is little better than chance below {FEW_CLIPS}."
        )
    if clips["test"] < FEW_CLIPS:
        found.append(
            f"There are only {clips['test']} test clips: read the test scores with their "
            f"intervals, which are wide below {FEW_CLIPS}."
        )
    for split, labels in missing_classes(summary["by_label"]).items():
        named = ", ".join(labels[:_NAMED_CLASSES])
        more = f" and {len(labels) - _NAMED_CLASSES} more" if len(labels) > _NAMED_CLASSES else ""
        found.append(f"Without {split} clips: {named}{more}; {_WITHOUT[split]}.")
    largest = summary["groups"]["largest"]
    if largest and largest["share"] > 0.5:
        found.append(
            f"{largest['share']:.0%} of the test files are of one group, {largest['group']!r}: the "
            "test scores tell little of other groups; add groups, or set another split.seed."
        )
    if likely := summary["groups"]["likely"]:
        found.append(
            f"The names of the files show {likely['groups']} groups, such as "
            f"{likely['example']!r}, and {likely['straddling']:.0%} of the clips have clips of "
            "their group in other splits, so the scores may be too good; to keep groups together, "
            f"set source.group_pattern to {likely['pattern']}"
        )
    return found
