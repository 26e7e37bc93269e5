"""The embedding of a sound in one call."""

import doctest
import subprocess
import sys

import numpy as np
import pytest
import soundfile

import vggish
from vggish.embedding import sound_embedding
from vggish.errors import VggishError


def test_its_examples_are_true() -> None:
    results = doctest.testmod(sound_embedding)
    assert results.attempted == 6
    assert results.failed == 0


def test_folders_files_and_samples_are_embedded_with_times(tmp_path) -> None:
    rng = np.random.default_rng(0)
    for name, size in (("a/1.wav", 16_000), ("a/b/2.wav", 48_000)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / name, rng.normal(0, 0.1, size), 16_000)
    (tmp_path / "a" / "notes.txt").write_text("no sound")
    sounds = [tmp_path / "a", tmp_path / "a/1.wav", rng.normal(0, 0.1, 32_000)]
    found = list(vggish.embed_all(sounds, 32_000, features="mfcc"))
    names = [f"{tmp_path}/a/1.wav", f"{tmp_path}/a/b/2.wav", f"{tmp_path}/a/1.wav", "2"]
    assert [sound.name for sound in found] == names
    assert [sound.start_seconds.tolist() for sound in found] == [
        [0.0],
        [0.0, 0.96, 1.92],
        [0.0],
        [0.0],
    ]
    np.testing.assert_array_equal(found[0].vectors, found[2].vectors)
    alone = vggish.embed(tmp_path / "a/b/2.wav", features="mfcc")
    # The size of a batch changes the order of sums.
    np.testing.assert_allclose(alone, found[1].vectors, atol=1e-4)
    with pytest.raises(VggishError, match="txt"):
        list(vggish.embed_all(tmp_path / "a" / "notes.txt", features="mfcc"))


def test_nothing_is_printed_on_import() -> None:
    program = "import vggish; print(vggish.embed.__name__)"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("embed\n", "")


def test_a_file_is_its_samples(tmp_path) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 30_000).clip(-1, 1).astype(np.float32)
    soundfile.write(tmp_path / "sound.wav", samples, 32_000, subtype="FLOAT")
    options = {"network": "yamnet", "features": "mfcc"}
    found = vggish.embed(tmp_path / "sound.wav", **options)
    assert found.shape == (1, 40)  # 15,000 samples at 16 kHz.
    np.testing.assert_allclose(vggish.embed(samples, 32_000, **options), found, atol=1e-5)


def test_several_channels_are_refused() -> None:
    with pytest.raises(VggishError, match=r"their shape is \[100, 2\]"):
        vggish.embed(np.zeros((100, 2)), features="mfcc")
