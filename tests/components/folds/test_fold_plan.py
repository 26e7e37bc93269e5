"""Which clips are in which fold, and which choose the epochs."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import artifact_utils, standard_artifacts

from components.audio_example_gen.clip_reading import ClipFacts, to_features
from components.folds.fold_clips import FoldClip, read_fold_clips
from components.folds.fold_plan import plan_folds
from schema.folds import Fold
from vggish.errors import DataSetError
from vggish.example_features import bytes_feature, serialized_example


def clip(name: str, label: str, group: str | None = None, fold: str | None = None) -> FoldClip:
    return FoldClip(f"{label}/{name}.wav", (label,), group, fold, digest=f"{label}/{name}".encode())


def spoken(speakers: int = 40, labels: str = "abc") -> list[FoldClip]:
    """Clips of words, some of many and some of few speakers."""
    return [
        clip(f"{speaker}-{take}", label, group=f"speaker{speaker}")
        for speaker in range(speakers)
        for label in labels
        for take in range(1 + speaker % 3)
    ]


def plan(clips: list[FoldClip], folds: int | str = 5, seed: int = 0) -> list[Fold]:
    return plan_folds(clips, folds, eval_share=1 / 9, seed=seed)


def trained_on(clips: list[FoldClip], fold: Fold) -> set[str]:
    return {c.clip_id for c in clips} - fold.test - fold.eval - fold.left_out


def test_every_clip_is_tested_once_and_groups_stay_together() -> None:
    clips = spoken()
    group_of = {c.clip_id: c.group for c in clips}
    folds = plan(clips)
    assert [fold.name for fold in folds] == ["1", "2", "3", "4", "5"]
    assert Counter(name for fold in folds for name in fold.test) == Counter(list(group_of))
    for fold in folds:
        parts = (fold.test, fold.eval, trained_on(clips, fold))
        groups = [{group_of[name] for name in part} for part in parts]
        assert sum(map(len, groups)) == 40
        assert all(groups)
        assert not groups[0] & groups[1]


def test_every_class_is_in_all_parts_of_all_folds() -> None:
    rare = [clip(f"{i}", "rare", group=f"rare{i}") for i in range(10)]
    clips = [*spoken(), *rare]
    label_of = {c.clip_id: c.labels[0] for c in clips}
    for fold in plan(clips):
        for part in (fold.test, fold.eval, trained_on(clips, fold)):
            assert {label_of[name] for name in part} == {"a", "b", "c", "rare"}


def test_a_new_clip_moves_no_others() -> None:
    clips = spoken(speakers=400)
    before = plan(clips)
    after = plan([clip("new", "a"), *clips])
    for old, new in zip(before, after, strict=True):
        assert new.test - {"a/new.wav"} == old.test
        assert new.eval - {"a/new.wav"} == old.eval


def test_the_seed_decides() -> None:
    clips = spoken()
    assert plan(clips) == plan(clips[::-1])
    assert plan(clips) != plan(clips, seed=1)


def test_folds_of_the_source_sorted_as_numbers() -> None:
    clips = [
        clip(f"{fold}-{i}", label, fold=str(fold))
        for fold in range(1, 11)
        for label in "ab"
        for i in range(3)
    ]
    folds = plan(clips, "all")
    assert [fold.name for fold in folds] == [str(number) for number in range(1, 11)]
    for fold in folds:
        assert fold.test == {c.clip_id for c in clips if c.fold == fold.name}
        assert 0 < len(fold.eval) < 10


def test_copies_of_a_test_clip_are_not_trained_on() -> None:
    clips = [
        FoldClip(f"{c.clip_id}{copy}", c.labels, c.group, fold, c.digest)
        for c in spoken()
        for copy, fold in enumerate("12")
        if copy == 0 or c.clip_id == "a/7-0.wav"
    ]
    clips = [
        FoldClip(c.clip_id, c.labels, f"{c.group}{c.fold}", c.fold, c.digest)
        if c.fold == "2"
        else FoldClip(c.clip_id, c.labels, c.group, "12"[hash_free(c.group)], c.digest)
        for c in clips
    ]
    twins = {c.clip_id for c in clips if c.clip_id.startswith("a/7-0.wav")}
    assert len(twins) == 2
    by_name = {fold.name: fold for fold in plan(clips, "all")}
    tested_in = {name: next(f for f in by_name if name in by_name[f].test) for name in twins}
    assert set(tested_in.values()) == {"1", "2"}
    for fold in by_name.values():
        assert fold.left_out == twins - fold.test


def hash_free(group: str | None) -> int:
    """Splits speakers by whether their number is even; speaker 7 goes to the first fold."""
    return 1 - int((group or "speaker0").removeprefix("speaker")) % 2


@pytest.mark.parametrize(
    ("clips", "folds", "words"),
    [
        (spoken(), "all", ["no fold", "a/0-0.wav"]),
        ([clip("1", "a", fold="1"), clip("2", "a", fold="1")], "all", ["two folds"]),
        (
            [clip("1", "a", "g", "1"), clip("2", "a", "g", "2"), clip("3", "a", "h", "2")],
            "all",
            ["'g'", "two folds", "a/1.wav", "a/2.wav"],
        ),
        ([clip("1", "a"), clip("2", "a")], 5, ["evaluate.folds", "fewer"]),
        ([clip("1", "a"), clip("2", "a")], 2, ["too few groups"]),
    ],
)
def test_clips_that_cannot_be_folded(
    clips: list[FoldClip], folds: int | str, words: list[str]
) -> None:
    with pytest.raises(DataSetError) as error:
        plan(clips, folds)
    assert all(word in str(error.value) for word in words)


def test_reading_what_decides(tmp_path: Path) -> None:
    examples = standard_artifacts.Examples()
    examples.uri = str(tmp_path)
    examples.split_names = artifact_utils.encode_split_names(["train", "test"])
    rows = {
        "train": [ClipFacts("a.wav", ("dog", "cat"), "g", "3", 1.0)],
        "test": [ClipFacts("b.wav", ("dog",), None, None, 1.0)],
    }
    for split, facts in rows.items():
        folder = tmp_path / f"Split-{split}"
        folder.mkdir()
        with tf.io.TFRecordWriter(str(folder / "clips")) as file:
            for fact in facts:
                pcm = np.arange(3, dtype=np.int16).tobytes()
                features = to_features(fact) | {"pcm": bytes_feature([pcm])}
                file.write(serialized_example(features))
    second, first = read_fold_clips(examples, ["train", "test"])  # In the order of files.
    assert (first.clip_id, first.labels, first.unit, first.fold) == (
        "a.wav", ("dog", "cat"), "g", "3"
    )  # fmt: skip
    assert (second.unit, second.fold) == ("b.wav", None)
    assert first.digest == second.digest
