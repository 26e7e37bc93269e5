"""Batches that a warm start reads from clips on disk."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from learnable import CLASSES, tone, write_clips

from schema.config.warm_start_settings import AugmentSettings, WarmStartSettings
from trainer.warm_start.sound_clips import (
    SoundClips,
    read_noise,
    sound_eval_batches,
    sound_train_batches,
)
from vggish.audio.decoding import pcm16_from_samples
from vggish.errors import DataSetError
from vggish.networks.log_mel import log_mel_from_windows, windows_from_pcm16
from vggish.networks.network import FrontEnd

UNCHANGED = AugmentSettings(shift_seconds=0, noise_share=0, mask_frames=0, mask_bands=0)
NO_NOISE = tf.zeros([0], tf.int16)

GROWTH = 0.8
TIMES = np.arange(16_000 * 5) / 16_000
LONG = 0.01 * np.exp(GROWTH * TIMES) * np.sin(2 * np.pi * 1_000 * TIMES)
"""A clip of five windows that gets louder, so that every frame tells its place."""
SOUNDS = [
    (tone(300, 1), ["low"]),
    (tone(900, 2), []),
    (tone(900, 3), ["mid", "high"]),
    (tone(900, 4), ["unheard of"]),
    (LONG, ["high"]),
    (tone(300, 5, seconds=0.2), ["low"]),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "train.tfrecord"
    write_clips(path, SOUNDS)
    return path


def heard_when_served(samples: np.ndarray) -> np.ndarray:
    windows = windows_from_pcm16(tf.constant([pcm16_from_samples(samples)]))
    return log_mel_from_windows(windows.values).numpy()


def in_clips(batches: tf.data.Dataset) -> list[tuple[np.ndarray, np.ndarray]]:
    """Takes batches apart: the windows of every clip, and its targets."""
    clips = []
    for (log_mel, mask), targets in batches.as_numpy_iterator():
        lengths = mask.sum(axis=1).astype(int)
        np.testing.assert_array_equal(mask, np.arange(mask.shape[1]) < lengths[:, None])
        clips += [(row[:n], t) for row, n, t in zip(log_mel, lengths, targets, strict=True)]
    return clips


@pytest.mark.parametrize(
    ("multi_label", "kept", "targets"),
    [
        (False, (0, 2, 4, 5), [[0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0]]),
        (True, (0, 2, 3, 4, 5), [[0, 1, 0], [1, 0, 1], [0, 0, 0], [1, 0, 0], [0, 1, 0]]),
    ],
)
def test_labelled_clips_are_heard_as_the_served_model_hears_them(
    path: Path, multi_label: bool, kept: tuple[int, ...], targets: list[list[int]]
) -> None:
    clips = SoundClips([f"{path.parent}/*"], CLASSES, FrontEnd(), multi_label=multi_label)
    np.testing.assert_array_equal(clips.targets, targets)
    assert clips.longest == 5
    heard = in_clips(sound_eval_batches(clips, 3))
    np.testing.assert_array_equal([t for _, t in heard], targets)
    for (log_mel, _), number in zip(heard, kept, strict=True):
        np.testing.assert_allclose(log_mel, heard_when_served(SOUNDS[number][0]), atol=1e-4)


def test_clips_without_classes_are_refused(tmp_path: Path) -> None:
    write_clips(tmp_path / "train.tfrecord", SOUNDS[1:2])
    with pytest.raises(DataSetError, match="check the labels"):
        SoundClips([str(tmp_path / "train.tfrecord")], CLASSES, FrontEnd(), multi_label=False)


def test_batches_of_long_clips_are_small(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.warm_start.sound_clips._WINDOWS_A_BATCH", 10)
    clips = SoundClips([str(path)], CLASSES, FrontEnd(), multi_label=False)
    sizes = [len(targets) for _, targets in sound_eval_batches(clips, 64)]
    assert sizes == [2, 2]


def test_a_training_clip_is_a_contiguous_stretch(path: Path) -> None:
    clips = SoundClips([str(path)], CLASSES, FrontEnd(), multi_label=False)
    settings = WarmStartSettings(max_windows=2, augment=UNCHANGED)
    batches = sound_train_batches(clips, settings, NO_NOISE, 64, seed=0)
    heard = [log_mel for log_mel, _ in in_clips(tf.data.Dataset.range(4).flat_map(batches))]
    assert sorted(map(len, heard)) == [1] * 12 + [2] * 4
    stretches = [log_mel for log_mel in heard if len(log_mel) == 2]
    begin = heard_when_served(LONG).max(axis=2)[0, 0]
    starts = []
    for stretch in stretches:
        loudness = stretch.max(axis=2).ravel()
        np.testing.assert_allclose(np.diff(loudness), GROWTH * 0.01, atol=2e-3)
        starts.append((loudness[0] - begin) / GROWTH)
    assert 0 <= min(starts) < max(starts) <= 5 - 2 * 0.96
    assert len(set(starts)) == 4


def test_an_epoch_is_the_same_whenever_it_comes(path: Path) -> None:
    clips = SoundClips([str(path)], CLASSES, FrontEnd(), multi_label=False)
    noise = tf.cast(tf.random.stateless_normal([30_000], [0, 0]) * 1_000, tf.int16)

    def epochs(seed: int, first: int) -> list[np.ndarray]:
        batches = sound_train_batches(clips, WarmStartSettings(), noise, 3, seed)
        numbers = tf.data.Dataset.range(first, 3)
        together = in_clips(numbers.flat_map(batches))
        each = [together[i : i + 4] for i in range(0, len(together), 4)]
        return [np.concatenate([log_mel.ravel() for log_mel, _ in clips]) for clips in each]

    undisturbed, resumed, other = epochs(0, 0), epochs(0, 2), epochs(1, 0)
    assert len(undisturbed) == 3
    np.testing.assert_array_equal(undisturbed[2], resumed[0])
    assert not np.array_equal(np.sort(undisturbed[0]), np.sort(undisturbed[1]))
    assert not np.array_equal(np.sort(undisturbed[0]), np.sort(other[0]))


def test_an_epoch_knows_its_length_and_shuffles(path: Path) -> None:
    clips = SoundClips([str(path)], CLASSES, FrontEnd(), multi_label=False)
    settings = WarmStartSettings(augment=UNCHANGED)
    batches = sound_train_batches(clips, settings, NO_NOISE, 3, seed=0)
    assert int(batches(tf.constant(0, tf.int64)).cardinality()) == 2
    targets = [t.tobytes() for _, t in in_clips(tf.data.Dataset.range(8).flat_map(batches))]
    assert len({tuple(targets[i : i + 4]) for i in range(0, len(targets), 4)}) > 2


def test_noise_lies_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_clips(tmp_path / "noise.tfrecord", [(np.full(100, 0.5), []), (np.full(50, -0.5), [])])
    both = [16_384] * 100 + [-16_384] * 50
    np.testing.assert_allclose(read_noise([f"{tmp_path}/noise*"]), both, atol=1)
    assert read_noise([f"{tmp_path}/nothing*"]).shape == [0]
    monkeypatch.setattr("trainer.warm_start.sound_clips._NOISE_SAMPLES", 120)
    np.testing.assert_allclose(read_noise([f"{tmp_path}/noise*"]), both[:120], atol=1)
