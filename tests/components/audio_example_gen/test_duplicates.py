from pathlib import Path

import pytest

from components.audio_example_gen.duplicates import (
    content_digest,
    may_be_copies,
    settle,
    settle_same_sounds,
)
from components.audio_example_gen.leaks import AcceptedFile
from components.audio_example_gen.sources.listing import SourceFile
from components.file_trees.refusals import Reject
from schema.config.ingest_settings import IngestSettings


def file(name: str, split: str, *, free: bool = False, size: int = 10) -> SourceFile:
    return SourceFile(name, size=size, labels=("x",), split=split, free=free)


def outcome(*files: SourceFile, duplicates: str = "keep") -> dict[str, str | None]:
    """By file, its split, or None where it is refused as a duplicate."""
    decided = settle(files, IngestSettings(duplicates=duplicates))
    settled = {file.clip_id: copy for file, copy in decided}
    assert sum(copy.first for copy in settled.values()) == 1
    for copy in settled.values():
        assert copy.refused is None or copy.refused.reason == "duplicate"
    return {name: None if copy.refused else copy.split for name, copy in settled.items()}


def test_only_labelled_files_of_one_size_may_be_copies() -> None:
    files = [
        file("a", "train"),
        file("b", "test"),
        file("c", "train", size=11),
        file("d", "unlabelled"),
        SourceFile("e", size=10, refused=Reject("no_label", "")),
        file("f", "train", size=0),
        file("g", "train", size=0),
    ]
    assert {f.clip_id for f in may_be_copies(files)} == {"a", "b"}


def test_the_digest_is_of_all_bytes(tmp_path: Path) -> None:
    content = bytes(3 << 20)
    for name, data in (("a", content), ("b", content), ("c", content[:-1] + b"x")):
        (tmp_path / name).write_bytes(data)
    a, b, c = (content_digest(str(tmp_path / name)) for name in "abc")
    assert a == b != c


def test_free_copies_go_where_the_first_of_them_is() -> None:
    files = [file("b", "test", free=True), file("a", "train", free=True)]
    assert outcome(*files) == {"a": "train", "b": "train"}


def test_nothing_moves_into_a_split_that_the_source_filled() -> None:
    files = [file("a", "train", free=True), file("b", "eval"), file("c", "eval", free=True)]
    assert outcome(*files) == {"a": None, "b": "eval", "c": "eval"}


@pytest.mark.parametrize(
    ("placed", "kept"), [(("train", "test"), "test"), (("eval", "train"), "eval")]
)
def test_of_placed_copies_the_test_set_keeps_its_own(placed: tuple[str, str], kept: str) -> None:
    files = [file(f"{i}", split) for i, split in enumerate(placed)]
    expected = {f"{i}": split if split == kept else None for i, split in enumerate(placed)}
    assert outcome(*files) == expected


def test_copies_in_one_split_stay_or_are_dropped_but_one() -> None:
    files = [file("a", "train"), file("b", "train"), file("c", "train", free=True)]
    assert outcome(*files) == dict.fromkeys("abc", "train")
    assert outcome(*files, duplicates="drop") == {"a": "train", "b": None, "c": None}
    files = [file("a", "train"), file("b", "test"), file("c", "test")]
    assert outcome(*files, duplicates="drop") == {"a": None, "b": "test", "c": None}


def refused(*sounds: str, duplicates: str = "keep") -> tuple[list[str], int]:
    """What is refused of sounds, such as `test/a train/b`, and the number of copies."""
    files = [[AcceptedFile(f[-1], f[:-2], (("x", 1),)) for f in sound.split()] for sound in sounds]
    found = settle_same_sounds(files, IngestSettings(duplicates=duplicates))
    return sorted("/".join(key) for key in found.refused), len(found.copies)


def test_of_accepted_copies_the_test_set_keeps_its_own() -> None:
    assert refused("test/a train/b eval/c", "train/d train/e") == (["eval/c", "train/b"], 3)
    assert refused("train/d train/e", duplicates="drop") == (["train/e"], 1)
    assert refused("train/a test/a") == (["train/a"], 1)


def test_no_sound_is_refused_for_one_that_is_refused_itself() -> None:
    # Part of the recording b is in the test set, another part is in c.
    assert refused("train/b train/c", "test/z train/b", duplicates="drop") == (["train/b"], 1)
    assert refused("eval/b train/c", "test/z eval/b") == (["eval/b"], 1)
