import numpy as np
import pytest
import tensorflow as tf

from vggish import params
from vggish.audio.decoding import decode, pcm16_from_samples
from vggish.networks.log_mel import (
    log_mel,
    log_mel_from_windows,
    map_windows,
    num_real_frames,
    num_windows,
    windows_from_pcm16,
    windows_from_waveform,
)
from vggish.networks.network import FrontEnd

LENGTHS = [1, 399, 15_599, 15_600, 15_601, 30_959, 30_960, 50_000]


def clip_of(length):
    """A clip in which every sample says where it is."""
    return (np.arange(length) % 20_000 + 1).astype("<i2")


@pytest.mark.parametrize("hop", [15_360, 7_680, 1_600, 7_777])
def test_windows_are_every_hop_and_whole(hop):
    clips = [clip_of(length) for length in LENGTHS]
    windows = windows_from_pcm16(tf.constant([clip.tobytes() for clip in clips]), FrontEnd(hop))
    assert windows.ragged_rank == 1
    assert windows.values.shape[1:] == (15_600,)
    for clip, found in zip(clips, windows, strict=True):
        expected = []
        for start in range(0, max(len(clip) - 15_600, 0) + 1, hop):
            piece = clip[start : start + 15_600]
            expected.append(np.pad(piece, (0, 15_600 - len(piece))) / np.float32(32_768))
        np.testing.assert_array_equal(found.numpy(), np.array(expected, np.float32))
    assert (
        num_windows(tf.constant(LENGTHS), FrontEnd(hop)).numpy().tolist()
        == windows.row_lengths().numpy().tolist()
    )


def test_a_padded_batch_gives_the_same_windows_as_its_clips():
    clips = [clip_of(length) for length in LENGTHS]
    batch = np.full((len(clips), max(LENGTHS)), 0.9, np.float32)  # What is no clip is ignored.
    for row, clip in zip(batch, clips, strict=True):
        row[: len(clip)] = clip / np.float32(32_768)
    found = windows_from_waveform(tf.constant(batch), tf.constant(LENGTHS))
    expected = windows_from_pcm16(tf.constant([clip.tobytes() for clip in clips]))
    np.testing.assert_array_equal(found.row_splits, expected.row_splits)
    np.testing.assert_array_equal(found.values, expected.values)


@pytest.mark.parametrize("hop", [7_680, 1_600, 20_000])
def test_silence_completes_the_last_window_where_the_front_end_says_so(hop):
    front_end = FrontEnd(hop, pads_the_end=True)
    clips = [clip_of(length) for length in LENGTHS]
    windows = windows_from_pcm16(tf.constant([clip.tobytes() for clip in clips]), front_end)
    for clip, found in zip(clips, windows, strict=True):
        # pad_waveform in YAMNet's features.py.
        hops = -(-max(len(clip) - 15_600, 0) // hop)
        padded = np.pad(clip, (0, 15_600 + hops * hop - len(clip)))
        expected = [padded[start : start + 15_600] for start in range(0, hops * hop + 1, hop)]
        np.testing.assert_array_equal(found, np.stack(expected) / np.float32(32_768))
        waveform = tf.constant(clip[np.newaxis] / np.float32(32_768))
        np.testing.assert_array_equal(
            windows_from_waveform(waveform, front_end=front_end).values, found
        )
    assert num_windows(tf.constant(LENGTHS), front_end).numpy().tolist() == list(
        windows.row_lengths()
    )


@pytest.mark.parametrize("hop", [15_360, 1_600])
@pytest.mark.parametrize("lengths", [[*LENGTHS, 2_000_000], []])
def test_something_of_every_window_is_computed_of_few_at_a_time(hop, lengths):
    clips = [clip_of(length) for length in lengths]
    sounds = tf.ragged.constant(
        [clip / np.float32(32_768) for clip in clips], tf.float32, ragged_rank=1
    )

    def compute(windows):
        assert len(windows) <= 64
        return windows[:, ::100]

    found = map_windows(compute, sounds, [156], FrontEnd(hop))
    expected = windows_from_pcm16(
        tf.constant([clip.tobytes() for clip in clips], tf.string), FrontEnd(hop)
    )
    np.testing.assert_array_equal(found.row_splits, expected.row_splits)
    np.testing.assert_array_equal(found.values, expected.values[:, ::100])


def test_no_clips_give_no_windows():
    assert windows_from_pcm16(tf.constant([], tf.string)).shape.as_list()[0] == 0
    assert log_mel(windows_from_waveform(tf.zeros([0, 16_000]))).values.shape == (0, 96, 64)


def test_empty_clips_give_a_window_of_silence():
    pcm = windows_from_pcm16(tf.constant([b"", b"\1"]))
    assert pcm.values.shape == (2, 15_600)
    assert not pcm.values.numpy().any()
    assert windows_from_waveform(tf.zeros([2, 0])).values.shape == (2, 15_600)


def test_real_frames_are_those_that_start_inside_the_clip():
    lengths = tf.constant([1, 160, 161, 15_360, 15_600, 20_000, 30_960, 46_319])
    assert num_real_frames(lengths).numpy().tolist() == [1, 1, 2, 96, 96, 96, 192, 192]
    assert num_real_frames(lengths, FrontEnd(7_680)).numpy().tolist() == [
        1,
        1,
        2,
        96,
        96,
        96,
        192,
        240,
    ]


def test_one_graph_serves_every_batch():
    traced = []

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def graph(pcm):
        traced.append(pcm)
        return log_mel(windows_from_pcm16(pcm))

    for lengths in (LENGTHS, [5], []):
        pcm = tf.constant([clip_of(length).tobytes() for length in lengths], tf.string)
        found = graph(pcm)
        assert found.values.shape[1:] == (96, 64)
        if lengths:
            np.testing.assert_allclose(
                found.values, log_mel(windows_from_pcm16(pcm)).values, atol=1e-5
            )
    assert len(traced) == 1


def test_many_windows_are_the_same_as_few():
    windows = windows_from_waveform(tf.random.stateless_uniform([3, 2_000_000], [1, 2], -0.5, 0.5))
    assert len(windows.values) == 390  # More than are computed at a time.
    found = log_mel(windows)
    np.testing.assert_array_equal(found.row_splits, windows.row_splits)
    for index in (0, 255, 256, 389):
        expected = log_mel_from_windows(windows.values[index : index + 1])[0]
        np.testing.assert_allclose(found.values[index], expected, atol=1e-5)


def test_a_hop_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 1 sample apart"):
        FrontEnd(hop_samples=0)


def test_the_smoke_test_tone_gives_the_published_rows():
    tone = np.sin(2 * np.pi * 1_000 * np.arange(0, 3, 1 / 16_000))
    windows = windows_from_waveform(tone[np.newaxis])
    found = log_mel(windows)
    assert found.to_tensor().shape == (1, 3, 96, 64)
    assert windows.dtype == tf.float64
    first = found.values[0, 0].numpy()
    np.testing.assert_allclose(
        first[[0, 1, 2, -3, -2, -1]],
        [-4.48313252, -4.27083405, -4.17064267, -4.60069383, -4.60098887, -4.60116305],
        rtol=0,
        atol=5e-7,
    )
    reduced = log_mel_from_windows(tf.cast(windows.values, tf.float32))
    np.testing.assert_allclose(reduced, found.values, rtol=0, atol=1e-3)


def test_the_log_mel_follows_its_definition():
    """Against the formulas, written in NumPy with float64."""
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, 15_600)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    frames = np.stack([samples[start : start + 400] for start in range(0, 15_201, 160)])
    magnitudes = np.abs(np.fft.rfft(frames * hann, 512))

    def mel(hertz):
        return 1_127 * np.log1p(np.asarray(hertz) / 700)

    edges = np.linspace(mel(125), mel(7_500), 66)
    bins = mel(np.arange(257) * 16_000 / 512)[:, np.newaxis]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    weights = np.maximum(0, np.minimum(rising, falling))
    weights[0] = 0
    expected = np.log(magnitudes @ weights + 0.01)
    assert expected.shape == (params.NUM_FRAMES, params.NUM_BANDS)
    found = log_mel_from_windows(tf.constant(samples[np.newaxis]))[0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.real_data
def test_real_clips_give_what_the_reference_gives(real_data):
    largest = {}
    with np.load(real_data / "golden" / "reference_log_mel.npz") as golden:
        for key in golden.files:
            clip = decode(real_data / key.replace("|", "/"))
            exact = log_mel(windows_from_waveform(clip.samples[np.newaxis]))[0][:3]
            stored = log_mel(windows_from_pcm16(tf.constant([pcm16_from_samples(clip.samples)])))
            for path, found in (("float", exact), ("pcm16", stored[0][:3])):
                difference = np.abs(found.numpy() - golden[key]).max()
                kind = (clip.source_rate, path)
                largest[kind] = max(largest.get(kind, 0.0), float(difference))
    print(largest)
    assert largest[16_000, "float"] <= 1e-3
    assert largest[16_000, "pcm16"] <= 1e-3
    assert largest[8_000, "float"] <= 1e-3
    # Rounding resampled samples to 16 bits is a noise that near-silent bands are full of.
    assert largest[8_000, "pcm16"] <= 0.2
