import re
from collections import Counter
from pathlib import Path

import pytest
from trees import write_sounds, write_table

from components.audio_example_gen.sources import list_source
from components.audio_example_gen.sources.listing import Listing
from components.audio_example_gen.splits.hashed_splits import split_of
from components.audio_example_gen.splits.split_assignment import speech_commands_split
from schema.config.source_settings import SourceSettings
from schema.config.split_settings import SplitSettings
from vggish.errors import VggishError

CLIPS = [f"{label}/{i}.wav" for label in ("cat", "dog") for i in range(4)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with four sounds in each of two classes."""
    write_sounds(tmp_path, *CLIPS)
    return tmp_path


def dealt(root: Path, source: dict | None = None, **split: object) -> dict[str, str | None]:
    settings = SourceSettings(root=str(root), **(source or {}))
    return splits(list_source(settings, SplitSettings(**split)))


def splits(listing: Listing) -> dict[str, str | None]:
    return {file.clip_id: file.split for file in listing.files}


def complaint(root: Path, source: dict | None = None, **split: object) -> str:
    with pytest.raises(VggishError) as error:
        dealt(root, source, **split)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_hashes_are_the_same_on_every_machine() -> None:
    # By `openssl dgst -sha256`, the digest of "0/a" begins d321, which is 0.825 of the way; that of
    # "0/h" begins f61c (0.961); those between lie below 0.8.
    assert [split_of(group, SplitSettings()) for group in "abcdefgh"] == [
        "eval", *["train"] * 6, "test",
    ]  # fmt: skip


def test_hashes_keep_the_fractions() -> None:
    settings = SplitSettings(train=0.6, eval=0.1, test=0.3)
    found = Counter(split_of(str(i), settings) for i in range(20_000))
    assert found["train"] / 20_000 == pytest.approx(0.6, abs=0.01)
    assert found["eval"] / 20_000 == pytest.approx(0.1, abs=0.01)


def test_where_the_test_split_is_given_the_rest_keeps_its_proportion() -> None:
    settings = SplitSettings(kind="fold", test_fold=1, train=0.6, eval=0.2, test=0.2)
    found = Counter(split_of(str(i), settings) for i in range(20_000))
    assert found.keys() == {"train", "eval"}
    assert found["eval"] / 20_000 == pytest.approx(0.25, abs=0.01)


def test_another_seed_deals_otherwise() -> None:
    found = [[split_of(str(i), SplitSettings(seed=seed)) for i in range(99)] for seed in (0, 1)]
    assert found[0] != found[1]


def test_groups_stay_together_and_clips_keep_their_split_when_the_folder_moves(
    tmp_path: Path,
) -> None:
    clips = [f"{label}/s{s}_{i}.wav" for label in "ab" for s in range(30) for i in range(2)]
    write_sounds(tmp_path / "here", *clips)
    source = {"group_pattern": r"(s\d+)_"}
    found = dealt(tmp_path / "here", source)
    by_speaker: dict[str, set] = {}
    for clip_id, split in found.items():
        by_speaker.setdefault(re.findall(r"s\d+", clip_id)[0], set()).add(split)
    assert all(len(splits) == 1 for splits in by_speaker.values())
    assert set().union(*by_speaker.values()) == {"train", "eval", "test"}
    (tmp_path / "here").rename(tmp_path / "there")
    write_sounds(tmp_path / "there", "a/s99_0.wav")
    again = dealt(tmp_path / "there", source)
    assert {clip_id: again[clip_id] for clip_id in found} == found


def test_the_published_rule_of_speech_commands() -> None:
    """The rule is published as `which_set` in the README of the data set, and its outcome in the
    data set's validation_list.txt and testing_list.txt, from which these speakers are."""
    settings = SplitSettings(kind="speech_commands")
    known = {
        "eval": "fde2dee7 099d52ad 66cff190 541120c7 364c0853 0ab3b47d 4abefdf5 65ec06e5 44bc77f7 "
        "62641b88 50f55535 97ae8b25 1657c9fa 258f4559 3ca784ec 3e2ba5f7 409c962a 41285056 7c1d8533",
        "test": "0c40e715 0ea0e2f4 42beb5eb 44260689 44715c1c 022cd682 096456f9 0d53e045 ffa76c4a "
        "ffb86d3c 0487ba9b 47d01978 48a8a69d 283d7a53 3efef882 0fa1e7a9 105a0eea e41a903b 37dca74f",
        "train": "00176480 004ae714 0a7c2a8d 012c8314 eb67fcbc f953e1af 3bc21161 da1d320c 74551073",
    }
    for split, speakers in known.items():
        for speaker in speakers.split():
            for path in (f"bed/{speaker}_nohash_0.wav", f"yes/{speaker}_nohash_7.wav"):
                assert speech_commands_split(path, settings) == split, path


@pytest.mark.real_data
def test_the_rule_puts_the_real_test_set_into_test(real_data: Path) -> None:
    settings = SplitSettings(kind="speech_commands")
    paths = [p for p in (real_data / "speech_commands").glob("[a-z]*/*.wav")]
    assert len(paths) == 1500
    assert {speech_commands_split(str(path), settings) for path in paths} == {"test"}


def write_list(root: Path, name: str, *paths: str) -> None:
    (root / name).write_text("".join(f"{path}\n" for path in paths))


def test_lists_name_two_splits_and_leave_the_rest_to_train(root: Path) -> None:
    write_list(root, "valid.txt", "cat/0.wav", "./dog/0.wav", "")
    # With a label behind a tab, and from before a conversion.
    write_list(root, "test.txt", "cat/1.flac\tcat", "dog/1.flac\tdog")
    found = dealt(root, kind="lists", eval_list="valid.txt", test_list="test.txt")
    assert {i for i, s in found.items() if s == "eval"} == {"cat/0.wav", "dog/0.wav"}
    assert {i for i, s in found.items() if s == "test"} == {"cat/1.wav", "dog/1.wav"}
    assert {i for i, s in found.items() if s == "train"} == set(CLIPS) - {
        f"{label}/{i}.wav" for label in ("cat", "dog") for i in (0, 1)
    }


def test_what_a_list_of_train_does_not_name_is_left_out(root: Path) -> None:
    write_list(root, "train.txt", "cat/0.wav", "dog/0.wav")
    write_list(root, "test.txt", "cat/1.wav", "dog/1.wav")
    settings = {"kind": "lists", "train_list": "train.txt", "test_list": "test.txt"}
    listing = list_source(SourceSettings(root=str(root)), SplitSettings(**settings))
    assert listing.left_out == 4
    found = splits(listing)
    assert found["cat/1.wav"] == "test"
    assert {found["cat/0.wav"], found["dog/0.wav"]} <= {"train", "eval"}


def test_lists_may_lie_elsewhere(root: Path) -> None:
    write_list(root.parent, "test.txt", "cat/1.wav", "dog/1.wav")
    found = dealt(root, kind="lists", test_list=str(root.parent / "test.txt"))
    assert found["cat/1.wav"] == "test"


def test_wrong_lists_are_refused(root: Path) -> None:
    write_list(root, "test.txt", "cow/1.wav")
    assert "None of the 1 paths in test.txt" in complaint(root, kind="lists", test_list="test.txt")
    assert "absent.txt" in complaint(root, kind="lists", test_list="absent.txt")
    write_list(root, "test.txt", "cat/1.wav")
    settings = {"kind": "lists", "test_list": "test.txt", "eval_list": "test.txt"}
    assert "cat/1 is in the lists of two splits" in complaint(root, **settings)


def test_folders_may_name_the_splits(tmp_path: Path) -> None:
    write_sounds(
        tmp_path, *(f"{s}/{label}/{i}.wav" for s in ("tr", "te") for label in "ab" for i in "01")
    )
    source = {"label_pattern": "^[^/]+/([^/]+)/"}
    found = dealt(tmp_path, source, kind="folders", test_folder="te")
    assert {i for i, s in found.items() if s == "test"} == {i for i in found if i.startswith("te/")}
    assert "'te2'" not in found
    message = complaint(tmp_path, source, kind="folders", test_folder="t")
    assert "split.test_folder names t" in message


def manifest(root: Path, header: str, *rows: str) -> dict:
    write_table(root / "clips.csv", [line.split(",") for line in (f"path,labels,{header}", *rows)])
    return {"kind": "manifest", "tables": [{"file": "clips.csv"}]}


def test_a_column_names_the_splits_by_any_of_their_names(root: Path) -> None:
    source = manifest(
        root, "split", "cat/0.wav,cat,Training", "cat/1.wav,cat,val", "dog/0.wav,dog,dev",
        "dog/1.wav,dog,test",
    )  # fmt: skip
    assert dealt(root, source, kind="column") == {
        "cat/0.wav": "train",
        "cat/1.wav": "eval",
        "dog/0.wav": "train",
        "dog/1.wav": "test",
    }
    source = manifest(root, "split", "cat/0.wav,cat,train", "cat/1.wav,cat,", "dog/0.wav,dog,test")
    assert "the manifest gives cat/1.wav no split" in complaint(root, source, kind="column")
    source = manifest(root, "split", "cat/0.wav,cat,Public", "dog/0.wav,dog,test")
    assert "gives cat/0.wav the split 'Public'" in complaint(root, source, kind="column")


def test_folds_name_the_splits(root: Path) -> None:
    rows = [f"{clip},{clip[:3]},{i % 4}" for i, clip in enumerate(CLIPS)]
    source = manifest(root, "fold", *rows)
    found = dealt(root, source, kind="fold", test_fold=1, eval_fold="3")
    assert [found[clip] for clip in CLIPS] == ["train", "test", "train", "eval"] * 2
    found = dealt(root, source, kind="fold", test_fold=1)
    assert found["cat/1.wav"] == "test"
    assert {s for i, s in found.items() if "/1" not in i} <= {"train", "eval"}
    assert "the fold 9, but the folds are 0, 1, 2, 3" in complaint(
        root, source, kind="fold", test_fold=9
    )
    assert "the folds are none" in complaint(root, kind="fold", test_fold=1)


def test_a_group_in_two_splits_is_refused(root: Path) -> None:
    rows = ["cat/0.wav,cat,train,ann", "cat/1.wav,cat,test,ann", "dog/0.wav,dog,eval,bob"]
    source = manifest(root, "split,group", *rows)
    message = complaint(root, source, kind="column")
    assert "group 'ann' is in two splits, train (cat/0.wav) and test (cat/1.wav)" in message


def test_tables_may_be_splits(root: Path) -> None:
    write_table(root / "a.csv", [["path", "labels"], ["cat/0.wav", "cat"]])
    write_table(root / "b.csv", [["path", "labels"], ["dog/0.wav", "dog"]])
    tables = [{"file": "a.csv"}, {"file": "b.csv", "all_in": "test"}]
    found = dealt(root, {"kind": "manifest", "tables": tables}, kind="tables")
    assert found["dog/0.wav"] == "test"
    assert found["cat/0.wav"] in ("train", "eval")
    del tables[1]["all_in"]
    source = {"kind": "manifest", "tables": tables}
    assert "no table is `all_in: test`" in complaint(root, source, kind="tables")
