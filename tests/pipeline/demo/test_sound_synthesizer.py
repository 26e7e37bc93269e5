"""The built-in sound set: what it holds, that it is reproducible, that it is never half there."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipeline.demo import sound_synthesizer
from pipeline.demo.sound_synthesizer import DEMO_CLASSES, synthesize, write_sound_set
from vggish.errors import VggishError


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def stamps(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def peak_frequency(samples: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.argmax(spectrum) * rate / samples.size)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set") / "sounds"
    write_sound_set(folder, clips_per_class=12, seed=3)
    return folder


def sound_files(folder: Path) -> list[Path]:
    """The clips that are whole, by their number at the end of the name."""
    return sorted(folder.glob("*/*_[0-9][0-9][0-9].wav"))


def test_one_folder_a_class_with_as_many_clips_as_asked_for(folder: Path):
    assert len(DEMO_CLASSES) == 10
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == list(DEMO_CLASSES)
    for label in DEMO_CLASSES:
        assert len(list((folder / label).glob(f"{label}_[0-9][0-9][0-9].wav"))) == 12


def test_five_files_are_broken(folder: Path):
    assert len(list(folder.glob("*/*.wav"))) == len(sound_files(folder)) + 5


def test_every_clip_is_sound_of_the_promised_length_and_level(folder: Path):
    for path in sound_files(folder):
        samples, rate = soundfile.read(path)
        assert 0.399 <= len(samples) / rate <= 3.001, path
        assert np.isfinite(samples).all(), path
        assert 10 ** (-20.5 / 20) <= np.abs(samples).max() <= 10 ** (-0.9 / 20), path


def test_rates_channels_and_encodings_vary(folder: Path):
    infos = [soundfile.info(path) for path in sound_files(folder)]
    assert {info.samplerate for info in infos} == {11_025, 16_000, 22_050, 44_100, 48_000}
    assert {info.channels for info in infos} == {1, 2}
    assert {info.subtype for info in infos} == {"PCM_U8", "PCM_16", "PCM_24", "PCM_32"}
    plain = sum(info.samplerate == 16_000 for info in infos) / len(infos)
    assert 0.45 < plain < 0.75


@pytest.mark.parametrize("fault", ["empty_file", "text_not_sound", "cut_in_header"])
def test_unreadable_files_are_unreadable(folder: Path, fault: str):
    (path,) = folder.glob(f"*/*_{fault}.wav")
    with pytest.raises(soundfile.LibsndfileError):
        soundfile.read(path)


def test_the_other_broken_files_open_but_hold_no_sound(folder: Path):
    (silent,) = folder.glob("*/*_no_samples.wav")
    assert soundfile.info(silent).frames == 0
    (undefined,) = folder.glob("*/*_not_a_number.wav")
    samples, rate = soundfile.read(undefined)
    assert (rate, len(samples)) == (16_000, 16_000)
    assert np.isnan(samples).all()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(folder: Path, tmp_path: Path):
    write_sound_set(tmp_path / "again", clips_per_class=12, seed=3)
    assert digests(tmp_path / "again") == digests(folder)
    write_sound_set(tmp_path / "other", clips_per_class=12, seed=4)
    assert len(set(digests(tmp_path / "other").values()) & set(digests(folder).values())) == len(
        {"empty_file", "text_not_sound", "cut_in_header", "no_samples", "not_a_number"}
    )


def test_a_larger_set_begins_with_the_smaller_one(folder: Path, tmp_path: Path):
    write_sound_set(tmp_path / "small", clips_per_class=2, seed=3)
    small, large = digests(tmp_path / "small"), digests(folder)
    wav_files = [name for name in small if name.endswith(".wav")]
    assert len(wav_files) == 25
    assert all(small[name] == large[name] for name in wav_files)


def test_a_whole_set_is_left_as_it_is(tmp_path: Path):
    folder = tmp_path / "sounds"
    write_sound_set(folder, clips_per_class=2)
    own_recording = folder / "bell" / "my_own.wav"
    own_recording.write_bytes(b"anything")
    before = stamps(folder)
    write_sound_set(folder, clips_per_class=2)
    assert stamps(folder) == before


def test_a_set_made_from_other_arguments_is_replaced(tmp_path: Path):
    folder = tmp_path / "sounds"
    write_sound_set(folder, clips_per_class=3)
    write_sound_set(folder, clips_per_class=2)
    assert len(sound_files(folder)) == 20


def test_an_interrupted_write_leaves_no_set_and_the_next_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "sounds"

    def full_disk(draft: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(sound_synthesizer, "_write_broken", full_disk)
        with pytest.raises(OSError, match="No space left"):
            write_sound_set(folder, clips_per_class=1)
    assert not folder.exists()
    write_sound_set(folder, clips_per_class=1)
    assert len(sound_files(folder)) == 10
    assert [path.name for path in tmp_path.iterdir()] == ["sounds"]


def test_a_folder_of_other_files_is_refused_and_kept(tmp_path: Path):
    (tmp_path / "holiday.jpg").write_bytes(b"precious")
    with pytest.raises(VggishError, match="already holds files that are not a demo sound set"):
        write_sound_set(tmp_path, clips_per_class=1)
    assert (tmp_path / "holiday.jpg").read_bytes() == b"precious"


def test_an_empty_folder_is_filled(tmp_path: Path):
    write_sound_set(tmp_path / "a" / "b", clips_per_class=1)
    (tmp_path / "empty").mkdir()
    write_sound_set(tmp_path / "empty", clips_per_class=1)
    assert digests(tmp_path / "empty") == digests(tmp_path / "a" / "b")


def test_no_clips_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="at least 1 clip per class, not 0"):
        write_sound_set(tmp_path / "sounds", clips_per_class=0)


@pytest.mark.parametrize("label", DEMO_CLASSES)
def test_a_clip_is_mono_float32_and_no_two_are_alike(label: str):
    samples, rate = synthesize(label, np.random.default_rng(1))
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert np.abs(samples).max() < 1
    assert rate in {11_025, 16_000, 22_050, 44_100, 48_000}
    same, _ = synthesize(label, np.random.default_rng(1))
    np.testing.assert_array_equal(samples, same)
    other, _ = synthesize(label, np.random.default_rng(2))
    assert not np.array_equal(samples, other)


def test_an_unknown_class_is_refused_by_name():
    with pytest.raises(ValueError, match="no recipe for 'cat'; the classes are alarm_beeps, bell"):
        synthesize("cat", np.random.default_rng(0))


@pytest.mark.parametrize(
    ("label", "low", "high"),
    [
        ("alarm_beeps", 1_350, 2_500),
        ("bird_chirps", 2_100, 4_900),
        ("engine", 30, 2_400),
        ("siren", 300, 4_400),
        ("wind", 30, 1_050),
    ],
)
def test_each_sound_lies_where_its_name_says(label: str, low: float, high: float):
    for seed in range(20):
        samples, rate = synthesize(label, np.random.default_rng(seed))
        assert low <= peak_frequency(samples, rate) <= high, seed
