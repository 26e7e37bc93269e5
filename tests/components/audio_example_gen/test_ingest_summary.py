"""What a run says about its clips, and what stops it."""

from typing import Any

import pytest

from components.audio_example_gen.ingest_summary import check_summary, summarize
from components.audio_example_gen.sources.listing import Listing, SourceFile
from components.audio_example_gen.splits.class_coverage import warnings_about
from schema.config.split_settings import SplitSettings
from vggish.errors import DataSetError


def summary(**by_label: tuple[int, int, int]) -> dict[str, Any]:
    clips = {
        label: dict(zip(("train", "eval", "test"), n, strict=True)) for label, n in by_label.items()
    }
    by_split = {
        split: sum(counts[split] for counts in clips.values())
        for split in ("train", "eval", "test")
    }
    return {
        "found": 0,
        "accepted": 0,
        "rejected": 0,
        "by_split": by_split,
        "by_label": clips,
        "groups": {"known": 0, "files": 0, "largest": None, "likely": None},
    }


ENOUGH = {"a": (400, 50, 50), "b": (400, 50, 50)}


def test_enough_clips_need_no_words() -> None:
    assert warnings_about(summary(**ENOUGH)) == []
    check_summary(summary(**ENOUGH), SplitSettings())


def test_few_clips_are_told() -> None:
    evals, tests = warnings_about(summary(a=(20, 2, 3), b=(20, 3, 2)))
    assert "only 5 eval clips" in evals
    assert "only 5 test clips" in tests
    assert warnings_about(summary(a=(20, 25, 25), b=(20, 25, 25))) == []


@pytest.mark.parametrize("split", ["train", "eval", "test"])
def test_a_class_that_is_missing_stops_the_run_unless_allowed(split: str) -> None:
    place = ("train", "eval", "test").index(split)
    lacking = tuple(0 if i == place else 9 for i in range(3))
    found = summary(**ENOUGH, c=lacking, d=lacking)
    with pytest.raises(DataSetError, match=rf"'c' has no clips in {split}.* 1 more classes"):
        check_summary(found, SplitSettings())
    check_summary(found, SplitSettings(allow_missing=True))
    (warning,) = warnings_about(found)
    assert warning.startswith(f"Without {split} clips: c, d; ")


def test_likely_groups_in_several_splits_are_told() -> None:
    likely = {"pattern": "([^/]+)_nohash_", "groups": 33, "example": "ab12", "straddling": 0.24}
    found = summary(**ENOUGH) | {
        "groups": {"known": 0, "files": 0, "largest": None, "likely": likely}
    }
    (warning,) = warnings_about(found)
    for part in ("33 groups", "'ab12'", "24%", "source.group_pattern to ([^/]+)_nohash_"):
        assert part in warning


def of_groups(*groups: str) -> Listing:
    """Five test files for each name."""
    files = [
        SourceFile(f"{group}/{i}.wav", labels=("a",), group=group, split="test")
        for group in groups
        for i in range(5)
    ]
    return Listing("/sounds", tuple(files), noise=(), left_out=0, other_files=0, fingerprint="")


def test_a_test_split_of_one_group_is_told() -> None:
    counts = [(("split", "eval"), 50), (("split", "test"), 50), (("label", "a", "train"), 9)]
    counts += [(("label", "a", split), 50) for split in ("eval", "test")]
    assert summarize(of_groups("ann", "bob"), counts)["warnings"] == []
    found = summarize(of_groups("bob", "ann", "bob"), counts)
    assert found["groups"]["largest"] == {"group": "bob", "share": 10 / 15}
    (warning,) = found["warnings"]
    assert warning.startswith("67% of the test files are of one group, 'bob':")
