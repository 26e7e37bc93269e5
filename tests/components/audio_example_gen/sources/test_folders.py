import os
import socket
from pathlib import Path

import pytest
import tensorflow as tf
from trees import write_sound, write_sounds

from components.audio_example_gen.sources import list_source
from components.audio_example_gen.sources.listing import Listing, SourceFile
from schema.config.source_settings import SourceSettings
from vggish.audio.sound_formats import SOUND_FORMATS
from vggish.errors import DataSetError


def list_folders(root: Path | str, **settings: object) -> Listing:
    return list_source(SourceSettings(root=str(root), **settings))


def labels(listing: Listing) -> dict[str, str]:
    return {f.clip_id: ",".join(f.labels) for f in listing.files if not f.refused}


def refusals(listing: Listing) -> dict[str, str]:
    return {f.clip_id: f.refused.reason for f in listing.files if f.refused}


def complaint(root: Path, **settings: object) -> str:
    with pytest.raises(DataSetError) as error:
        list_folders(root, **settings)
    return str(error.value)


def test_the_first_folder_is_the_class_whatever_names_and_nesting(tmp_path: Path) -> None:
    write_sounds(tmp_path, "dog/a b.WAV", "dog/day 1/ünï.wav", "cat/2.tar.Flac", "cat/3.wav")
    listing = list_folders(tmp_path)
    assert labels(listing) == {
        "cat/2.tar.Flac": "cat",
        "cat/3.wav": "cat",
        "dog/a b.WAV": "dog",
        "dog/day 1/ünï.wav": "dog",
    }
    assert listing.classes == ["cat", "dog"]


def test_content_tells_a_sound_where_the_name_does_not(tmp_path: Path) -> None:
    write_sounds(tmp_path, "dog/1.wav", "cat/1.wav", "cat/no_extension", "cat/2.dat")
    write_sound(tmp_path / "dog" / "3.bin", format="FLAC")
    write_sound(tmp_path / "dog" / "4.bin", format="AIFF")
    (tmp_path / "dog" / "notes.txt").write_text("RIFFraff and other texts about sounds.")
    (tmp_path / "dog" / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(30))
    listing = list_folders(tmp_path)
    assert labels(listing).keys() >= {"cat/no_extension", "cat/2.dat", "dog/3.bin", "dog/4.bin"}
    assert listing.other_files == 2


def test_a_file_that_may_be_a_sound_is_a_clip_or_a_reject(tmp_path: Path) -> None:
    write_sounds(tmp_path, "dog/1.wav", "cat/1.wav")
    names = {f"dog/2{extension}" for known in SOUND_FORMATS for extension in known.extensions}
    for name in names:
        (tmp_path / name).write_bytes(bytes(100))
    heads = {
        "tag": b"ID3\x04\0\0\0\0\x07\x68",
        "mp3": b"\xff\xfb\x90\x64",
        "layer2": b"\xff\xfd\x90\x04",
        "flac_frame": b"\xff\xf8\xc9\x18",
        "wavpack": b"wvpk\x20\0\0\0",
        "wma": b"0&\xb2u\x8ef\xcf\x11",
        "ape": b"MAC \x96\x0f",
        "musepack": b"MP+\x07",
        "ac3": b"\x0bw\x12\x34",
        "true_audio": b"TTA1\1\0",
        "matroska": b"\x1aE\xdf\xa3",
    }
    for name, head in heads.items():
        (tmp_path / "cat" / name).write_bytes(head.ljust(100, b"\0"))
    texts = {
        "tags.txt": b"ID3 is a tag that stands before the sound.",
        "address.txt": b"MAC addresses are six bytes long.",
        "unicode.txt": "A text that Windows wrote.".encode("utf-16"),
        "photo.jpeg": b"\xff\xd8\xff\xe0".ljust(100, b"\0"),
    }
    for name, content in texts.items():
        (tmp_path / "dog" / name).write_bytes(content)
    listing = list_folders(tmp_path)
    found = {file.clip_id for file in listing.files}
    assert found == {"dog/1.wav", "cat/1.wav"} | names | {f"cat/{name}" for name in heads}
    assert listing.other_files == len(texts)


def test_hidden_files_are_left_out(tmp_path: Path) -> None:
    write_sounds(
        tmp_path, "dog/1.wav", "cat/1.wav", "dog/._1.wav", ".git/cat/1.wav", "cat/.x/1.wav"
    )
    listing = list_folders(tmp_path)
    assert len(listing.files) == 2
    assert listing.other_files == 0


def test_a_sound_outside_of_the_folders_has_no_label(tmp_path: Path) -> None:
    write_sounds(tmp_path, "dog/1.wav", "cat/1.wav", "stray.wav")
    assert refusals(list_folders(tmp_path)) == {"stray.wav": "no_label"}


def test_only_named_classes_are_known(tmp_path: Path) -> None:
    write_sounds(tmp_path, "dog/1.wav", "cat/1.wav", "cow/1.wav")
    listing = list_folders(tmp_path, classes=["dog", "cat"])
    assert refusals(listing) == {"cow/1.wav": "unknown_label"}
    assert listing.classes == ["cat", "dog"]


def test_patterns_read_the_path(tmp_path: Path) -> None:
    write_sounds(tmp_path, "a/7_ann_0.wav", "a/8_bob_0.wav", "odd.wav")
    settings = {"label_pattern": r"(\d)_", "group_pattern": r"\d_([^_]+)"}
    listing = list_folders(tmp_path, **settings)
    assert labels(listing) == {"a/7_ann_0.wav": "7", "a/8_bob_0.wav": "8"}
    assert [f.group for f in listing.files] == ["ann", "bob", None]
    assert refusals(listing) == {"odd.wav": "no_label"}


def test_noise_is_neither_clip_nor_reject(tmp_path: Path) -> None:
    write_sounds(tmp_path, "dog/1.wav", "cat/1.wav", "_noise_/1.wav", "_noise_/deep/2.wav")
    listing = list_folders(tmp_path, noise_folders=["_noise_"])
    assert listing.noise == ("_noise_/1.wav", "_noise_/deep/2.wav")
    assert labels(listing).keys() == {"dog/1.wav", "cat/1.wav"}


def test_unlabelled_folders_are_to_be_predicted(tmp_path: Path) -> None:
    write_sounds(tmp_path, "dog/1.wav", "cat/1.wav", "new/1.wav")
    listing = list_folders(tmp_path, unlabelled_folders=["new/"])
    (file,) = (f for f in listing.files if f.split == "unlabelled")
    assert (file.clip_id, file.labels, file.refused) == ("new/1.wav", (), None)


def test_links_are_followed_once_and_not_out_of_the_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write_sounds(root, "dog/1.wav", "cat/1.wav")
    write_sounds(tmp_path, "elsewhere/1.wav")
    (root / "dog" / "linked.wav").symlink_to(root / "cat" / "1.wav")
    (root / "dog" / "round").symlink_to(root / "dog")
    (root / "cat" / "broken.wav").symlink_to("nowhere.wav")
    (root / "cat" / "out.wav").symlink_to(tmp_path / "elsewhere" / "1.wav")
    (root / "cow").symlink_to(tmp_path / "elsewhere")
    listing = list_folders(root)
    assert labels(listing).keys() == {"dog/1.wav", "cat/1.wav", "dog/linked.wav"}
    assert refusals(listing) == {
        "cat/broken.wav": "missing_file",
        "cat/out.wav": "outside_root",
        "cow/": "outside_root",
    }


def test_a_root_may_be_a_link(tmp_path: Path) -> None:
    write_sounds(tmp_path / "real", "dog/1.wav", "cat/1.wav")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert len(labels(list_folders(tmp_path / "link"))) == 2


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    write_sounds(tmp_path, "dog/1.wav", "cat/1.wav")
    os.mkfifo(tmp_path / "dog" / "pipe.wav")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "dog" / "socket.wav"))
        refused = refusals(list_folders(tmp_path))
    assert refused == {"dog/pipe.wav": "unreadable", "dog/socket.wav": "unreadable"}


def test_names_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    write_sounds(tmp_path, "dog/1.wav", "cat/1.wav")
    path = os.fsencode(tmp_path / "dog") + b"/caf\xe9.wav"
    with open(path, "wb") as file:
        file.write(b"RIFF")
    assert refusals(list_folders(tmp_path)) == {"dog/caf\\xe9.wav": "unreadable"}


def test_a_data_set_without_two_classes_is_refused(tmp_path: Path) -> None:
    assert "is not a folder" in complaint(tmp_path / "absent")
    (tmp_path / "README.md").write_text("Nothing here.")
    assert "no sound files (1 other files)" in complaint(tmp_path)
    write_sounds(tmp_path, "dog/1.wav")
    assert "only the class 'dog'" in complaint(tmp_path)
    assert "no clip with a class" in complaint(tmp_path, unlabelled_folders=["dog"])


def test_the_fingerprint_sees_changes_that_matter(tmp_path: Path) -> None:
    write_sounds(tmp_path, "dog/1.wav", "cat/1.wav")
    first = list_folders(tmp_path).fingerprint
    assert list_folders(tmp_path).fingerprint == first
    moved = tmp_path.with_name("moved")
    tmp_path.rename(moved)
    assert list_folders(moved).fingerprint == first
    write_sound(moved / "dog" / "1.wav", seconds=0.2)
    second = list_folders(moved).fingerprint
    write_sound(moved / "dog" / "2.wav")
    assert len({first, second, list_folders(moved).fingerprint}) == 3
    assert list_folders(moved, classes=["dog", "cat", "cow"]).fingerprint != first


def test_other_storages_are_listed_alike(tmp_path: Path) -> None:
    write_sounds(tmp_path, "dog/1.wav", "dog/deep/2.wav", "cat/ü 1.wav", "cat/.hidden.wav", "a.txt")
    remote = "ram://listed/set"
    for path in tmp_path.rglob("*.*"):
        target = f"{remote}/{path.relative_to(tmp_path).as_posix()}"
        tf.io.gfile.makedirs(os.path.dirname(target))
        with tf.io.gfile.GFile(target, "wb") as file:
            file.write(path.read_bytes())
    here, there = list_folders(tmp_path), list_folders(remote)

    def described(files: tuple[SourceFile, ...]) -> list:
        return [(f.clip_id, f.size, f.labels, f.split, f.refused) for f in files]

    assert described(there.files) == described(here.files)
    assert there.other_files == here.other_files
    with pytest.raises(DataSetError, match="is not a folder"):
        list_folders("ram://listed/absent")


def test_background_has_no_label_and_is_dealt_to_the_splits(tmp_path: Path) -> None:
    names = [f"{folder}/{i}.wav" for folder in ("cat", "dog", "wind", "dog/far") for i in range(30)]
    write_sounds(tmp_path, *names)
    listing = list_folders(tmp_path, background=["wind", "dog/far/"], classes=["cat", "dog"])
    background = [f for f in listing.files if f.background]
    assert {f.clip_id.rpartition("/")[0] for f in background} == {"wind", "dog/far"}
    assert {f.labels for f in background} == {()}
    assert {f.split for f in background} == {"train", "eval", "test"}
    assert (listing.classes, refusals(listing)) == (["cat", "dog"], {})
    assert listing.fingerprint != list_folders(tmp_path).fingerprint


def test_what_only_is_to_be_predicted_is_no_background(tmp_path: Path) -> None:
    write_sounds(tmp_path, "cat/1.wav", "dog/1.wav", "wind/1.wav")
    listing = list_folders(tmp_path, background=["wind"], unlabelled_folders=["wind"])
    (wind,) = [f for f in listing.files if f.clip_id == "wind/1.wav"]
    assert (wind.background, wind.split) == (False, "unlabelled")
