"""Classes that the hash alone would leave short of a split."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from components.audio_example_gen.sources.listing import SourceFile
from components.audio_example_gen.splits.hashed_splits import dealt_splits, split_of
from components.stratified_groups.short_classes import moves_for_short_classes, needs_of
from schema.config.split_settings import SPLITS, SplitSettings

DEFAULT = SplitSettings()
DEALT = dealt_splits(DEFAULT)


def lone(label: str, clips: int) -> list[SourceFile]:
    return [SourceFile(f"{label}/{i}.wav", labels=(label,)) for i in range(clips)]


def spoken(seed: int, clips: int, speakers: int, words: str = "abc") -> list[SourceFile]:
    """Clips of words by speakers, of whom some speak much more than others."""
    draw = np.random.default_rng(seed)
    files = []
    for i in range(clips):
        speaker = f"{seed}-{int(speakers * draw.random() ** 2)}"
        word = words[i % len(words)]
        files.append(SourceFile(f"{word}/{seed}-{i}.wav", labels=(word,), group=speaker))
    return files


def dealt(files: Iterable[SourceFile], settings: SplitSettings = DEFAULT) -> list[SourceFile]:
    hashed = [replace(file, split=split_of(file.unit, settings)) for file in files]
    moves = moves_for_short_classes(hashed, dealt_splits(settings), set())
    return [replace(file, split=moves.get(file.unit, file.split)) for file in hashed]


def counts(files: Iterable[SourceFile]) -> dict[str, Counter]:
    found: dict[str, Counter] = defaultdict(Counter)
    for file in files:
        for label in file.labels:
            found[label][file.split] += 1
    return found


@pytest.mark.parametrize("clips", [3, 5, 9, 10, 25, 60, 99])
def test_no_class_is_short_of_a_split(clips: int) -> None:
    files = [file for label in "abcdefgh" for file in lone(label, clips)]
    hashed = counts(replace(file, split=split_of(file.clip_id, DEFAULT)) for file in files)
    needs = needs_of(clips, DEALT)
    assert any(4 * found[s] <= 3 * needs[s] for found in hashed.values() for s in SPLITS), (
        "the hash alone would do"
    )
    for found in counts(dealt(files)).values():
        assert all(4 * found[split] > 3 * needs[split] for split in SPLITS)


def test_the_needs_of_a_class() -> None:
    needs = [tuple(needs_of(n, DEALT)[s] for s in SPLITS) for n in (1, 2, 3, 4, 25, 100, 10**6)]
    assert needs == [
        (1, 0, 0), (1, 0, 1), (1, 1, 1), (2, 1, 1), (20, 2, 2), (80, 10, 10), (80, 10, 10),
    ]  # fmt: skip
    assert needs_of(20, dealt_splits(SplitSettings(kind="fold", test_fold=1))) == {
        "train": 17,
        "eval": 2,
    }


def test_clips_of_large_classes_never_move() -> None:
    hashed = [replace(file, split=split_of(file.clip_id, DEFAULT)) for file in lone("big", 3_000)]
    rare = [replace(file, split="train") for file in lone("rare", 12)]
    moves = moves_for_short_classes([*hashed, *rare], DEALT, set())
    assert moves
    assert all(name.startswith("rare/") for name in moves)


@pytest.mark.parametrize("seed", range(20))
def test_groups_stay_together_and_every_class_is_everywhere(seed: int) -> None:
    files = dealt(spoken(seed, clips=75, speakers=12))
    splits: dict[str | None, set] = defaultdict(set)
    for file in files:
        splits[file.group].add(file.split)
    assert all(len(found) == 1 for found in splits.values())
    for found in counts(files).values():
        assert all(found[split] for split in SPLITS)
        assert found["train"] > 10  # Of 25.


def test_the_order_of_the_files_does_not_matter() -> None:
    files = spoken(1, clips=75, speakers=20)
    first = {file.clip_id: file.split for file in dealt(files)}
    assert {file.clip_id: file.split for file in dealt(files[::-1])} == first


def moved(before: Sequence[SourceFile], after: Sequence[SourceFile]) -> float:
    later = {file.clip_id: file.split for file in after}
    return sum(later[file.clip_id] != file.split for file in before) / len(before)


def test_old_clips_keep_their_splits_when_others_come() -> None:
    files = [replace(f, clip_id=f"{i}/{f.clip_id}") for i in range(20) for f in lone("a", 80)]
    shares = []
    for i in range(20):
        mine = [file for file in files if file.clip_id.startswith(f"{i}/")]
        shares.append(moved(dealt(mine[:60]), dealt(mine)))
    assert sum(shares) / len(shares) < 0.05


def test_a_class_of_two_groups_is_in_train_and_test() -> None:
    files = lone("a", 30) + [
        SourceFile(f"b/{i}.wav", labels=("b",), group="xy"[i % 2]) for i in range(30)
    ]
    found = counts(dealt(files))["b"]
    assert (found["train"], found["eval"], found["test"]) == (15, 0, 15)


def test_rare_labels_of_clips_with_several_have_their_share() -> None:
    draw = np.random.default_rng(0)
    files = [
        SourceFile(
            f"{i}.wav",
            labels=("often", *draw.choice(list("abcdefghij"), 2, replace=False).tolist()),
        )
        for i in range(200)
    ]
    for label, found in counts(dealt(files)).items():
        needs = needs_of(sum(found.values()), DEALT)
        assert all(4 * found[split] > 3 * needs[split] for split in SPLITS), label


def test_groups_that_the_source_places_stay() -> None:
    files = [SourceFile(f"a/{i}.wav", labels=("a",), group="g", split="train") for i in range(9)]
    assert moves_for_short_classes(files, DEALT, {"g"}) == {}
