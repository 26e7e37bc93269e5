"""Groups in the names of files."""

import pytest

from components.audio_example_gen.sources.likely_groups import LikelyGroups, find_likely_groups
from components.audio_example_gen.sources.listing import SourceFile
from components.audio_example_gen.sources.unassigned_files import find_in
from components.audio_example_gen.splits.hashed_splits import split_of
from schema.config.split_settings import SplitSettings


def look(*paths: str) -> LikelyGroups | None:
    files = [
        SourceFile(path, labels=(path.split("/")[0],), split=split_of(path, SplitSettings()))
        for path in paths
    ]
    return find_likely_groups(files)


WORDS = ("one", "two")
PEOPLE = [f"p{i}" for i in range(12)]
LAYOUTS = {
    "Speech Commands": [f"{w}/{p}_nohash_{i}.wav" for w in WORDS for p in PEOPLE for i in range(2)],
    "spoken digits": [f"{w}/{w}_{p}_{i}.wav" for w in WORDS for p in PEOPLE for i in range(2)],
    "folders": [f"{w}/{p}/take {i}.wav" for w in WORDS for p in PEOPLE for i in range(2)],
    "recordings": [f"{w}/{p}{w}-{i}.wav" for w in WORDS for p in PEOPLE for i in range(2)],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_groups_of_known_layouts_are_found(layout: str) -> None:
    paths = LAYOUTS[layout]
    found = look(*paths)
    assert found is not None
    names = [find_in(found.pattern, path) for path in paths]
    same = [(a, b) for a in range(len(paths)) for b in range(a) if names[a] == names[b]]
    expected = [
        (a, b)
        for a in range(len(paths))
        for b in range(a)
        if next(p for p in reversed(PEOPLE) if p in paths[a])
        == next(p for p in reversed(PEOPLE) if p in paths[b])
        and (layout != "recordings" or paths[a][:3] == paths[b][:3])
    ]
    assert same == expected
    assert found.groups == len(set(names))
    straddling = [
        path
        for i, path in enumerate(paths)
        if any(
            names[j] == names[i]
            and split_of(paths[j], SplitSettings()) != split_of(path, SplitSettings())
            for j in range(len(paths))
        )
    ]
    assert found.straddling == pytest.approx(len(straddling) / len(paths))
    assert straddling


def test_names_that_say_nothing_give_no_groups() -> None:
    assert look(*(f"{w}/{i:03}.wav" for w in WORDS for i in range(30))) is None
    # The name is the class itself, as in GTZAN.
    assert look(*(f"{w}/{w}.{i:05}.wav" for w in WORDS for i in range(30))) is None
    # One recording per clip.
    assert look(*(f"{w}/r{w}{i}-1.wav" for w in WORDS for i in range(30))) is None
    assert look() is None


def test_a_source_with_groups_needs_no_guess() -> None:
    files = [
        SourceFile(path, labels=("a",), split="train", group="g") for path in LAYOUTS["folders"]
    ]
    assert find_likely_groups(files) is None


def test_counters_are_cut_off_as_far_as_groups_remain() -> None:
    slices = [f"{w}/{1000 + r}-3-0-{i}.wav" for w in WORDS for r in range(9) for i in range(2)]
    found = look(*slices)
    assert found is not None
    assert find_in(found.pattern, "one/1004-3-0-1.wav") == "1004"
    days = [f"{w}/{w}_{d}_{i}.wav" for w in WORDS for d in range(9) for i in range(2)]
    found = look(*(path.replace("/", "/at-", 1) for path in days))
    assert found is not None
    assert find_in(found.pattern, "one/at-one_4_1.wav") in ("4", "at-one_4")
