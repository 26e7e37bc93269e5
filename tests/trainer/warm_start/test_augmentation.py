"""Augmentation: as strong as its settings, and the same for the same seed."""

import numpy as np
import pytest
import tensorflow as tf

from trainer.warm_start.augmentation import (
    draw_noise,
    mask_spectrogram,
    mix_at_snr,
    shift_in_time,
)
from vggish.networks.log_mel import log_mel_from_windows
from vggish.params import LOG_OFFSET, WINDOW_SAMPLES

SILENCE = float(np.log(LOG_OFFSET))


def some_seed(number: int) -> tf.Tensor:
    return tf.constant([7, number], tf.int64)


def draw(size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, size).astype(np.float32)


def test_a_shift_moves_the_clip_and_lets_silence_in() -> None:
    clip = np.arange(1, 101, dtype=np.float32)
    seen = set()
    for number in range(200):
        moved = shift_in_time(clip, 20, some_seed(number)).numpy()
        kept = np.flatnonzero(moved)
        offset = int(moved[kept[0]] - 1 - kept[0])
        assert -20 <= offset <= 20
        expected = np.zeros(100, np.float32)
        begin, end = max(0, -offset), 100 - max(0, offset)
        expected[begin:end] = clip[begin + offset : end + offset]
        np.testing.assert_array_equal(moved, expected)
        seen.add(offset)
    assert {-20, 0, 20} <= seen
    np.testing.assert_array_equal(
        shift_in_time(clip, 20, some_seed(3)), shift_in_time(clip, 20, some_seed(3))
    )


@pytest.mark.parametrize("decibels", [-10.0, 0.0, 12.5])
def test_noise_is_mixed_in_at_its_ratio(decibels: float) -> None:
    clip, noise = draw(16_000), draw(16_000, seed=1) * 3
    added = mix_at_snr(clip, noise, tf.constant(decibels)).numpy().astype(np.float64) - clip
    ratio = 10 * np.log10(np.mean(clip.astype(np.float64) ** 2) / np.mean(added**2))
    assert ratio == pytest.approx(decibels, abs=1e-3)


def test_silence_has_no_signal_to_noise_ratio() -> None:
    clip, nothing = draw(100), np.zeros(100, np.float32)
    np.testing.assert_array_equal(mix_at_snr(clip, nothing, tf.constant(10.0)), clip)
    np.testing.assert_array_equal(mix_at_snr(nothing, clip, tf.constant(10.0)), nothing)


def test_a_stretch_of_noise_goes_round() -> None:
    noise = np.arange(50, dtype=np.int16) * 100
    stretch = np.round(draw_noise(noise, 120, some_seed(0)).numpy() * 32_768 / 100).astype(int)
    assert stretch.shape == (120,)
    np.testing.assert_array_equal(np.diff(stretch) % 50, 1)
    starts = {int(draw_noise(noise, 1, some_seed(i))[0] * 32_768 / 100 + 0.5) for i in range(300)}
    assert len(starts) > 45


@pytest.fixture(scope="module")
def masked() -> np.ndarray:
    log_mel = tf.zeros([40, 25, 96, 64])
    return mask_spectrogram(log_mel, 12, 8, some_seed(0), SILENCE).numpy().reshape(-1, 96, 64)


def test_masks_are_one_run_of_frames_and_one_of_bands(masked: np.ndarray) -> None:
    gone = masked != 0
    frames, bands = gone.all(axis=2), gone.all(axis=1)
    np.testing.assert_array_equal(gone, frames[:, :, None] | bands[:, None, :])
    for runs, widest in ((frames, 12), (bands, 8)):
        edges = np.abs(np.diff(np.pad(runs, ((0, 0), (1, 1))).astype(int))).sum(axis=1)
        assert edges.max() == 2  # In one piece.
        assert runs.sum(axis=1).max() == widest
        assert runs.sum(axis=1).min() == 0
        assert runs.any(axis=0).all()  # Anywhere.


def test_what_is_masked_is_as_silent_as_silence(masked: np.ndarray) -> None:
    silence = log_mel_from_windows(tf.zeros([1, WINDOW_SAMPLES])).numpy()
    np.testing.assert_allclose(masked[masked != 0], silence.min(), rtol=1e-6)
    np.testing.assert_allclose(silence, SILENCE, rtol=1e-6)


def test_masks_follow_their_seed_and_can_be_off() -> None:
    log_mel = tf.zeros([3, 2, 96, 64])
    masked, again = (mask_spectrogram(log_mel, 12, 8, some_seed(1), SILENCE) for _ in range(2))
    np.testing.assert_array_equal(masked, again)
    assert np.any(masked != mask_spectrogram(log_mel, 12, 8, some_seed(2), SILENCE))
    np.testing.assert_array_equal(mask_spectrogram(log_mel, 0, 0, some_seed(1), SILENCE), log_mel)
