"""The node's executor: what it writes, refuses and counts."""

import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from generation import Generated, generate
from preset_trees import audioset_embeddings, audioset_record
from trees import noise, write_sound, write_sounds, write_table

from vggish.audio.decoding import decode, pcm16_from_samples
from vggish.errors import DataSetError

LABELS = ("cat", "dog")
SPLITS = ("train", "eval", "test")


def write_classes(root: Path, clips: int = 30) -> None:
    write_sounds(root, *(f"{label}/{i:03}.wav" for label in LABELS for i in range(clips)))


def complaint(output: Path, source: dict, **settings: dict) -> str:
    with pytest.raises(DataSetError) as error:
        generate(output, source, **settings)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_every_file_becomes_a_clip_or_a_reject(tmp_path: Path) -> None:
    root = tmp_path / "data"
    write_classes(root)
    (root / "cat" / "text.wav").write_text("no sound")
    (root / "cat" / "nothing.wav").write_bytes(b"")
    soundfile.write(root / "dog" / "empty.wav", np.zeros(0), 16_000)
    soundfile.write(root / "dog" / "nan.wav", np.array([0, np.nan]), 16_000, "FLOAT")
    write_sound(root / "dog" / "long.wav", seconds=4)
    write_sound(root / "dog" / "short.wav", seconds=0.01)
    (root / "dog" / "broken.wav").symlink_to("nowhere")
    write_sound(root / "stray.wav")
    soundfile.write(root / "cat" / "silent.wav", np.zeros(1600), 16_000)
    soundfile.write(root / "cat" / "loud.wav", np.full(1600, 1.5), 16_000, "FLOAT")
    write_sound(root / "noise" / "rain.wav", seconds=2)
    (root / "README").write_text("Sounds.")
    found = generate(
        tmp_path,
        {"root": str(root), "noise_folders": ["noise"]},
        {"max_seconds": 3, "min_seconds": 0.05, "max_reject_fraction": 0.2},
    )
    assert found.rejects == {
        "cat/text.wav": "unreadable",
        "cat/nothing.wav": "unreadable",
        "dog/empty.wav": "empty",
        "dog/nan.wav": "non_finite",
        "dog/long.wav": "too_long",
        "dog/short.wav": "too_short",
        "dog/broken.wav": "missing_file",
        "stray.wav": "no_label",
    }
    assert all(detail.strip() for detail in found.details.values())
    written = Counter((clip.labels, clip.split) for clip in found.clips.values())
    by_label = {label: {split: written[(label,), split] for split in SPLITS} for label in LABELS}
    by_split = {split: sum(by_label[label][split] for label in LABELS) for split in SPLITS}
    assert found.summary == {
        "found": 70,
        "accepted": 62,
        "rejected": 8,
        "duplicates": 0,
        "silent": 1,
        "clipped": 1,
        "noise": 1,
        "noise_rejected": 0,
        "left_out": 0,
        "other_files": 1,
        "by_reason": dict(sorted(Counter(found.rejects.values()).items())),
        "by_split": by_split,
        "by_label": by_label,
        "groups": {"known": 0, "files": 0, "largest": None, "likely": None},
        "warnings": [
            f"There are only {by_split['eval']} eval clips: the choice of the best epoch and model "
            "is little better than chance below 50.",
            f"There are only {by_split['test']} test clips: read the test scores with their "
            "intervals, which are wide below 50.",
        ],
    }
    assert len(found.clips) == 62
    assert found.splits == ["train", "eval", "test"]
    noise = found.noise["noise/rain.wav"]
    assert noise.pcm == pcm16_from_samples(decode(root / "noise" / "rain.wav").samples)
    assert (list(found.noise), noise.labels) == (["noise/rain.wav"], ())


def test_long_noise_is_cut_up_and_broken_noise_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "data"
    write_classes(root)
    write_sound(root / "noise" / "rain.wav", seconds=4.5)
    source = {"root": str(root), "noise_folders": ["noise"]}
    found = generate(tmp_path / "whole", source, {"max_seconds": 2, "min_seconds": 0.01})
    assert set(found.noise) == {"noise/rain.wav#t=0,2", "noise/rain.wav#t=2,4"}
    (root / "noise" / "drops.wav").write_text("no sound")
    less = generate(tmp_path / "broken", source)
    assert less.rejects == {"noise/drops.wav": "unreadable"}
    assert set(less.noise) == {"noise/rain.wav"}
    account = {"noise": 1, "noise_rejected": 1, "rejected": 0, "by_reason": {}}
    assert less.summary.items() >= account.items()


def test_a_clip_example_holds_the_sound_and_what_is_known_of_it(tmp_path: Path) -> None:
    root = tmp_path / "data"
    write_sounds(root, *(f"{label}/s{i}_0.wav" for label in LABELS for i in range(30)))
    write_sound(root / "dog" / "ünï s7_1.flac", rate=8_000, format="FLAC")
    source = {"root": str(root), "group_pattern": r"(s\d+)_"}
    found = generate(tmp_path, source, {"resampler": "soxr"})
    clip = found.clips["dog/ünï s7_1.flac"]
    expected = decode(root / "dog" / "ünï s7_1.flac", resampler="soxr")
    assert clip.pcm == pcm16_from_samples(expected.samples)
    assert (clip.labels, clip.group, clip.source_rate) == (("dog",), "s7", 8_000)
    assert clip.duration == pytest.approx(0.1)
    assert found.clips["cat/s7_0.wav"].split == clip.split


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 sounds, of which six are copies of others, two of them in another class."""
    root = tmp_path_factory.mktemp("copies") / "data"
    write_classes(root, clips=27)
    for i in range(2):
        shutil.copy(root / "cat" / f"{i:03}.wav", root / "cat" / f"copy {i}.wav")
        shutil.copy(root / "cat" / f"{i:03}.wav", root / "dog" / f"copy {i}.wav")
        shutil.copy(root / "dog" / f"{i:03}.wav", root / "dog" / f"other {i}.wav")
    return root


@pytest.mark.parametrize("policy", ["keep", "drop"])
def test_identical_files_are_never_in_two_splits(tmp_path: Path, copies: Path, policy: str) -> None:
    found = generate(tmp_path, {"root": str(copies)}, {"duplicates": policy})
    splits: dict[bytes, set] = {}
    for clip in found.clips.values():
        splits.setdefault(clip.pcm, set()).add(clip.split)
    assert len(splits) == 54
    assert all(len(of_one) == 1 for of_one in splits.values())
    assert found.summary["duplicates"] == 6
    assert found.summary["rejected"] == (6 if policy == "drop" else 0)
    assert len(found.clips) == (54 if policy == "drop" else 60)


def test_a_published_test_set_keeps_its_copies_and_train_loses_them(tmp_path: Path) -> None:
    root = tmp_path / "data"
    write_classes(root)
    shutil.copy(root / "cat" / "000.wav", root / "cat" / "009.wav")
    (root / "test.txt").write_text(
        "".join(f"{label}/00{i}.wav\n" for label in LABELS for i in "89")
    )
    found = generate(tmp_path, {"root": str(root)}, {}, {"kind": "lists", "test_list": "test.txt"})
    assert found.rejects == {"cat/000.wav": "duplicate"}
    assert "is a copy of cat/009.wav, which is in test" in found.details["cat/000.wav"]
    assert found.clips["cat/009.wav"].split == "test"


LISTED = {"kind": "lists", "test_list": "test.txt"}


@pytest.fixture
def recoded(tmp_path: Path) -> Path:
    """60 sounds, and a FLAC file in the test set with the samples of a WAV file in train."""
    root = tmp_path / "data"
    write_classes(root)
    samples, rate = soundfile.read(root / "cat" / "000.wav", dtype="int16")
    soundfile.write(root / "cat" / "copy.flac", samples, rate)
    (root / "test.txt").write_text("cat/copy.flac\ndog/001.wav\ncat/001.wav\n")
    return root


def test_the_same_sound_in_two_formats_is_refused_once(tmp_path: Path, recoded: Path) -> None:
    found = generate(tmp_path, {"root": str(recoded)}, split=LISTED)
    assert found.rejects == {"cat/000.wav": "duplicate"}
    assert found.details["cat/000.wav"] == "is a copy of cat/copy.flac, which is in test"
    assert len(found.clips) == found.summary["accepted"] == 60
    assert "cat/000.wav" not in found.clips
    assert (found.summary["found"], found.summary["duplicates"]) == (61, 1)
    written = Counter(clip.split for clip in found.clips.values())
    assert found.summary["by_split"] == {split: written[split] for split in SPLITS}
    assert sum(found.summary["by_label"]["cat"].values()) == 30


def test_a_run_may_stop_at_copies(tmp_path: Path, recoded: Path) -> None:
    source, ingest = {"root": str(recoded)}, {"duplicates": "stop"}
    message = complaint(tmp_path, source, ingest=ingest, split=LISTED)
    assert message.startswith("1 of 61 files are copies of sounds in other splits")
    kept = Path(message.rpartition(" ")[2])
    assert '"cat/000.wav", "reason": "duplicate"' in kept.read_text()


def test_a_recording_is_refused_whole_for_one_part(tmp_path: Path) -> None:
    root = tmp_path / "data"
    write_classes(root)
    parts = [noise("part 1", 4), noise("part 2", 4)]
    soundfile.write(root / "cat" / "long.wav", np.concatenate(parts), 16_000)
    soundfile.write(root / "cat" / "part.wav", parts[1], 16_000)
    (root / "test.txt").write_text("cat/part.wav\ndog/001.wav\n")
    ingest = {"long": "split", "max_seconds": 4}
    found = generate(tmp_path, {"root": str(root)}, ingest, LISTED)
    assert found.rejects == {"cat/long.wav": "duplicate"}
    assert (found.summary["accepted"], len(found.clips)) == (61, 61)
    assert sum(found.summary["by_split"].values()) == 61


def test_parts_of_a_recording_stay_together(tmp_path: Path) -> None:
    root = tmp_path / "data"
    write_sounds(root, *(f"{label}/{i}.wav" for label in LABELS for i in range(12)), seconds=2.5)
    found = generate(tmp_path, {"root": str(root)}, {"max_seconds": 1, "long": "split"})
    assert (found.summary["found"], found.summary["accepted"]) == (24, 24)
    assert len(found.clips) == 48 == sum(found.summary["by_split"].values())
    for label in LABELS:
        for i in range(12):
            parts = [found.clips[f"{label}/{i}.wav#t={t}"] for t in ("0,1", "1,2")]
            assert {part.split for part in parts} == {parts[0].split}
            assert {part.group for part in parts} == {f"{label}/{i}.wav"}


def test_clips_without_labels_are_in_a_split_of_their_own(tmp_path: Path) -> None:
    root = tmp_path / "data"
    rows = [["path", "labels"]]
    rows += [[f"train/{i}.wav", ["Bark", "Meow", "Bark,Meow"][i % 3]] for i in range(60)]
    write_table(root / "train.csv", rows)
    write_sounds(root, *(row[0] for row in rows[1:]), "test/0.wav", "test/1.wav")
    # A copy of a sound that is learned from is nothing that must not be predicted.
    shutil.copy(root / "train" / "0.wav", root / "test" / "2.wav")
    source = {
        "kind": "manifest",
        "root": str(root),
        "tables": [{"file": "train.csv", "label_separator": ","}],
        "unlabelled_folders": ["test"],
    }
    found = generate(tmp_path, source)
    assert found.splits == ["train", "eval", "test", "unlabelled"]
    assert found.summary["by_split"]["unlabelled"] == 3
    assert found.clips["test/0.wav"].labels == ()
    assert found.clips["train/2.wav"].labels == ("Bark", "Meow")
    assert found.summary["by_label"].keys() == {"Bark", "Meow"}
    assert sum(found.summary["by_label"]["Bark"].values()) == 40


def write_manifest(root: Path, rows: int, missing: int) -> dict:
    """Writes a table of whose files some are not there, and returns the source."""
    names = [f"{LABELS[i % 2]}/{i}.wav" for i in range(rows)]
    write_table(root / "clips.csv", [["path", "labels"], *([n, n[:3]] for n in names)])
    write_sounds(root, *names[missing:], seconds=0.01)
    return {"kind": "manifest", "root": str(root), "tables": [{"file": "clips.csv"}]}


def test_too_many_missing_files_stop_the_run_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("subprocess.Popen")  # No decoder can start.
    source = write_manifest(tmp_path / "data", rows=10_000, missing=3_000)
    message = complaint(tmp_path, source)
    assert "3000 of 10000 files were refused (3000 missing_file), a share of 0.3" in message
    kept = Path(message.rpartition(" ")[2])
    assert kept.read_text().count('"missing_file"') == 3_000
    assert not list((tmp_path / "node" / "examples" / "1").iterdir())


def test_missing_files_may_be_allowed(tmp_path: Path) -> None:
    source = write_manifest(tmp_path / "data", rows=90, missing=27)
    found = generate(tmp_path, source, {"max_reject_fraction": 0.5})
    assert (found.summary["accepted"], found.summary["by_reason"]) == (63, {"missing_file": 27})


def test_too_many_damaged_files_stop_the_run(tmp_path: Path) -> None:
    write_classes(tmp_path / "data", clips=10)
    for i in range(3):
        (tmp_path / "data" / "cat" / f"bad {i}.wav").write_text("no sound")
    message = complaint(tmp_path, {"root": str(tmp_path / "data")})
    assert "3 of 23 files were refused (3 unreadable), a share of 0.13" in message
    kept = Path(message.rpartition(" ")[2])
    assert kept.read_text().count("\n") == 3


def test_a_class_must_have_enough_clips(tmp_path: Path) -> None:
    write_classes(tmp_path / "data")
    write_sounds(tmp_path / "data", "cow/1.wav", "cow/2.wav")
    message = complaint(tmp_path, {"root": str(tmp_path / "data")})
    assert "The class 'cow' has no clips in eval" in message


def test_other_storages_give_the_same_clips(tmp_path: Path) -> None:
    write_classes(tmp_path / "data")
    for path in (tmp_path / "data").glob("*/*"):
        target = f"ram://generated/{path.parent.name}/{path.name}"
        tf.io.gfile.makedirs(target.rpartition("/")[0])
        tf.io.gfile.copy(str(path), target)
    here = generate(tmp_path / "1", {"root": str(tmp_path / "data")})
    there = generate(tmp_path / "2", {"root": "ram://generated"})

    def described(found: Generated) -> dict:
        return {i: (clip.split, clip.pcm) for i, clip in found.clips.items()}

    assert len(described(here)) == 60
    assert described(there) == described(here)


@pytest.fixture
def audioset(tmp_path: Path) -> Path:
    """Released features: 40 clips to learn from, 4 to test with."""
    audioset_embeddings(tmp_path / "data")
    return tmp_path / "data"


AUDIOSET = {"kind": "audioset_embeddings", "class_names": "class_labels_indices.csv"}
AUDIOSET_SPLIT = {"kind": "folders", "train_folder": "bal_train", "test_folder": "eval"}


def test_released_features_become_examples(tmp_path: Path, audioset: Path) -> None:
    found = generate(tmp_path, AUDIOSET | {"root": str(audioset)}, {}, AUDIOSET_SPLIT)
    assert (found.summary["found"], found.summary["accepted"]) == (44, 44)
    assert found.summary["by_split"]["test"] == 4
    assert found.summary["by_split"]["eval"] > 0
    clip = found.clips["bal_train000001#t=30,40"]
    assert clip.labels == ("Speech", "Male speech, man speaking")
    assert (clip.group, clip.duration) == ("bal_train000001", 10.0)
    record = tf.train.SequenceExample.FromString(audioset_record("bal_train000001", [0]))
    steps = record.feature_lists.feature_list["audio_embedding"].feature
    stored = np.frombuffer(b"".join(s.bytes_list.value[0] for s in steps), np.uint8)
    # Byte 0 stands for the components from -2 to -2 + 4/255, of which the middle is taken.
    np.testing.assert_allclose(clip.embedding, stored * (4 / 255) - 2 + 4 / 512, atol=1e-6)


def test_copies_of_released_features_stay_in_the_test_set(tmp_path: Path, audioset: Path) -> None:
    copies = [audioset_record(f"copy{i}", [0, 1]) for i in range(2)]
    for folder, name in (("bal_train", b"mine"), ("eval", b"held")):
        with tf.io.TFRecordWriter(str(audioset / folder / "9.tfrecord")) as file:
            file.write(audioset_record("same", [0]))
            for record in copies:
                file.write(record.replace(b"copy", name))
    source = AUDIOSET | {"root": str(audioset)}
    found = generate(tmp_path, source, {}, AUDIOSET_SPLIT)
    refused = [f"bal_train/9.tfrecord#record={i}" for i in range(3)]
    assert found.rejects == dict.fromkeys(refused, "duplicate")
    assert found.details[refused[1]] == "is a copy of eval/9.tfrecord#record=1, which is in test"
    assert found.clips["same#t=30,40"].split == found.clips["held0#t=30,40"].split == "test"
    assert found.summary["found"] == found.summary["accepted"] + 3 == 50
    assert (found.summary["duplicates"], len(found.clips)) == (3, 47)
    assert found.summary["by_split"]["test"] == 7


def test_records_with_one_id_are_told_apart(tmp_path: Path, audioset: Path) -> None:
    same = audioset_record("same", [0])
    contents = [
        audioset_record(name, [1]).replace(name.encode(), b"same") for name in ("1the", "2the")
    ]
    relabelled = audioset_record("same", [1])
    held = audioset_record("held", [0])
    for path, records in {
        "bal_train/8.tfrecord": [same, contents[0], same, relabelled],
        "bal_train/9.tfrecord": [contents[1], same, contents[0], held.replace(b"held", b"same")],
        "eval/9.tfrecord": [held, held],
    }.items():
        with tf.io.TFRecordWriter(str(audioset / path)) as file:
            for record in records:
                file.write(record)
    source = AUDIOSET | {"root": str(audioset)}
    found = generate(tmp_path, source, {}, AUDIOSET_SPLIT)
    kept = "bal_train/8.tfrecord#record=0, which is in train"
    assert found.rejects.keys() == found.details.keys()
    assert found.details == {
        "bal_train/8.tfrecord#record=2": f"is a copy of {kept}",
        "bal_train/8.tfrecord#record=3": f"is a copy of {kept}",
        "bal_train/9.tfrecord#record=1": f"is a copy of {kept}",
        "bal_train/9.tfrecord#record=2": "is a copy of bal_train/8.tfrecord#record=1, "
        "which is in train",
        "bal_train/9.tfrecord#record=3": "is a copy of eval/9.tfrecord#record=0, which is in test",
        "eval/9.tfrecord#record=1": "is a copy of eval/9.tfrecord#record=0, which is in test",
    }
    assert set(found.rejects.values()) == {"duplicate"}
    named = {clip_id: clip for clip_id, clip in found.clips.items() if "same" in clip_id}
    assert len(named) == len({clip.embedding for clip in named.values()}) == 3
    for clip_id, clip in named.items():
        assert re.fullmatch(r"same#t=30,40&content=[0-9a-f]{12}", clip_id)
        assert (clip.group, clip.split) == ("same", named[min(named)].split)
    assert "held#t=30,40" in found.clips
    assert found.summary["found"] == found.summary["accepted"] + found.summary["rejected"]
    assert found.summary["accepted"] == len(found.clips) == 44 + 4
    assert (found.summary["rejected"], found.summary["duplicates"]) == (6, 6)
    for label, splits in found.summary["by_label"].items():
        for split, count in splits.items():
            clips = [c for c in found.clips.values() if c.split == split and label in c.labels]
            assert len(clips) == count, (label, split)


def test_released_features_are_refused_by_name(tmp_path: Path, audioset: Path) -> None:
    with tf.io.TFRecordWriter(str(audioset / "bal_train" / "01.tfrecord")) as file:
        file.write(audioset_record("nolabels", []))
        file.write(audioset_record("unknown", [7]))
        file.write(audioset_record("short", [0], seconds=0))
        file.write(b"no SequenceExample")
        file.write(audioset_record("good", [0, 7]))
    damaged = audioset / "bal_train" / "02.tfrecord"
    content = (audioset / "bal_train" / "00.tfrecord").read_bytes()
    damaged.write_bytes(content[:20] + b"x" + content[21:])
    found = generate(
        tmp_path,
        AUDIOSET | {"root": str(audioset)},
        {"max_reject_fraction": 0.5},
        AUDIOSET_SPLIT,
    )
    assert found.rejects == {
        "bal_train/01.tfrecord#record=0": "no_label",
        "bal_train/01.tfrecord#record=1": "unknown_label",
        "bal_train/01.tfrecord#record=2": "empty",
        "bal_train/01.tfrecord#record=3": "unreadable",
        "bal_train/02.tfrecord#record=0": "unreadable",
    }
    assert found.clips["good#t=30,40"].labels == ("Speech",)
    assert found.summary["found"] == found.summary["accepted"] + 5 == 50


@pytest.mark.real_data
def test_real_released_features(tmp_path: Path, real_data: Path) -> None:
    root = str(real_data / "audioset_embeddings")
    source = {"kind": "audioset_embeddings", "root": root}
    found = generate(tmp_path, source, {}, {"allow_missing": True})
    assert any(text.startswith("Without test clips: ") for text in found.summary["warnings"])
    assert found.summary["accepted"] == found.summary["found"] == 328 + 322
    clip = found.clips["rmLnozgTQMY#t=30,40"]
    assert clip.labels == ("0", "300", "308", "309", "316", "327")
    assert len(clip.embedding) == 1280


@pytest.mark.real_data
def test_copies_in_audiosets_balanced_set_are_named(tmp_path: Path, real_data: Path) -> None:
    balanced, part = real_data / "audioset_balanced", tmp_path / "data"
    (part / "bal_train").mkdir(parents=True)
    files = sorted((balanced / "bal_train").glob("*.tfrecord"))
    # Every tenth file, and two that hold the same features for different videos.
    for file in {*files[::10], *(balanced / "bal_train" / f"{n}.tfrecord" for n in ("2V", "MW"))}:
        shutil.copy(file, part / "bal_train")
    shutil.copy(balanced / "class_labels_indices.csv", part)
    found = generate(
        tmp_path, AUDIOSET | {"root": str(part)}, {}, {"kind": "hash", "allow_missing": True}
    )
    summary = found.summary
    assert summary["found"] > 2_000
    assert summary["found"] == summary["accepted"] + summary["rejected"]
    assert summary["accepted"] == len(found.clips) == sum(summary["by_split"].values())
    assert set(found.rejects.values()) == {"duplicate"}
    assert len(found.rejects) == summary["rejected"]
    copy = "bal_train/2V.tfrecord#record=5"
    assert found.details[copy] == "is a copy of bal_train/MW.tfrecord#record=1, which is in test"


SPEECH_COMMANDS = {"noise_folders": ["_background_noise_"], "group_pattern": "([^/]+)_nohash_"}


@pytest.mark.real_data
def test_a_damaged_file_changes_its_own_row_alone(tmp_path: Path, real_data: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(real_data / "speech_commands", root)
    before = generate(tmp_path / "1", SPEECH_COMMANDS | {"root": str(root)})
    assert len(before.clips) == 1500
    rng = np.random.default_rng(0)
    chosen = sorted(rng.choice(sorted(before.clips), 7, replace=False).tolist())
    for i, clip_id in enumerate(chosen):
        path = root / clip_id
        path.chmod(0o600)
        content = bytearray(path.read_bytes())
        if i % 2:
            path.write_bytes(content[:30])  # Cut in the header.
        else:
            content[5_000:5_100] = bytes(100)  # A gap in the sound.
            path.write_bytes(content)
    after = generate(tmp_path / "2", SPEECH_COMMANDS | {"root": str(root)})
    changed = {i for i in before.clips if after.clips.get(i) != before.clips[i]}
    assert changed == set(chosen)
    assert set(after.rejects) == set(chosen[1::2])
    assert set(after.clips) == set(before.clips) - set(after.rejects)


@pytest.mark.real_data
def test_real_short_digits_are_all_accepted_and_speakers_disjoint(
    tmp_path: Path, real_data: Path
) -> None:
    source = {
        "label_pattern": r"(?:^|/)([0-9])_[^/_]+_[0-9]+\.[^/]*$",
        "group_pattern": r"_([^/_]+)_[0-9]+\.[^/]*$",
    }
    split = {"train": 0.6, "eval": 0.2, "test": 0.2}
    root = real_data / "fsdd" / "recordings"
    found = generate(tmp_path / "1", source | {"root": str(root)}, {"resampler": "soxr"}, split)
    assert (found.summary["found"], found.summary["accepted"]) == (1500, 1500)
    speakers: dict[str, set] = {}
    for clip in found.clips.values():
        speakers.setdefault(clip.split, set()).add(clip.group)
    assert sum(map(len, speakers.values())) == 6
    assert set.union(*speakers.values()) == {
        "george", "jackson", "lucas", "nicolas", "theo", "yweweler",
    }  # fmt: skip
    (tmp_path / "moved").symlink_to(root)
    again = generate(
        tmp_path / "2", source | {"root": str(tmp_path / "moved")}, {"resampler": "soxr"}, split
    )
    assert {i: c.split for i, c in again.clips.items()} == {
        i: c.split for i, c in found.clips.items()
    }
