"""Sound in stretches is the sound as a whole."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from vggish.audio.decoding import decode
from vggish.audio.stretches import decode_in_stretches, window_stretches
from vggish.errors import AudioError
from vggish.networks.log_mel import windows_from_waveform
from vggish.networks.network_table import NETWORKS, find_network
from vggish.params import WINDOW_SAMPLES


def noise(samples: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.2, samples).astype(np.float32)


def blocks_of(samples: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


@pytest.mark.parametrize("network", NETWORKS)
def test_windows_of_stretches_are_those_of_the_whole(network: str) -> None:
    front_end = find_network(network).front_end
    hop = front_end.hop_samples
    for samples in (
        1, WINDOW_SAMPLES, WINDOW_SAMPLES + 1, *(4 * hop + WINDOW_SAMPLES + i for i in (-1, 0, 1)),
        20 * hop, 8 * hop + WINDOW_SAMPLES - hop, 8 * hop + WINDOW_SAMPLES - hop + 1,
    ):  # fmt: skip
        sound = noise(samples)
        whole = windows_from_waveform(sound[None], front_end=front_end).values
        cut = list(window_stretches(blocks_of(sound, 7_000), WINDOW_SAMPLES, hop, 4))
        assert [is_last for _, is_last in cut] == [False] * (len(cut) - 1) + [True]
        windows = [
            windows_from_waveform(stretch[None], front_end=front_end).values for stretch, _ in cut
        ]
        assert max(map(len, windows)) <= 5
        assert np.array_equal(np.concatenate(windows), whole), samples


def test_a_file_in_stretches_is_the_clip(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    soundfile.write(path, noise(400_000).reshape(-1, 2), 16_000)
    assert np.array_equal(np.concatenate(list(decode_in_stretches(path))), decode(path).samples)


@pytest.mark.parametrize(
    ("samples", "reason"), [(np.zeros(0), "empty"), (np.array([0.0, np.nan]), "non_finite")]
)
def test_a_refused_file_is_refused_in_stretches(
    samples: np.ndarray, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "sound.wav"
    soundfile.write(path, samples, 16_000, "FLOAT")
    sentences = []
    for read in (decode, lambda path: list(decode_in_stretches(path))):
        with pytest.raises(AudioError) as refusal:
            read(path)
        assert refusal.value.reason == reason
        sentences.append(str(refusal.value))
    assert sentences[0] == sentences[1]
