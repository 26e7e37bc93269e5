"""The embedding of a sound in one call."""

import doctest

import numpy as np
import pytest
import soundfile

import vggish
from vggish.embedding import sound_embedding
from vggish.errors import VggishError


def test_its_example_is_true() -> None:
    results = doctest.testmod(sound_embedding)
    assert results.attempted == 3
    assert results.failed == 0


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
