import io
import math
import struct
import tracemalloc

import numpy as np
import pytest
import soundfile

from vggish.audio.decoding import decode, pcm16_from_samples, resample, samples_from_pcm16
from vggish.errors import AudioError


def sound_file(samples, rate=16_000, **options):
    """A sound file in memory."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, **({"format": "WAV", "subtype": "PCM_16"} | options))
    file.seek(0)
    return file


def tone(rate, seconds=0.5, hertz=440.0):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


@pytest.fixture(scope="module")
def noise():
    samples = np.random.default_rng(0).integers(-32_768, 32_768, 4_000).astype(np.int16)
    samples[:2] = -32_768, 32_767
    return samples


def test_16_bit_audio_survives_bit_for_bit(noise, tmp_path):
    path = tmp_path / "noise.wav"
    soundfile.write(path, noise, 16_000)
    clip = decode(path)
    assert clip.samples.dtype == np.float32
    assert clip.samples.min() == -1.0
    assert clip.clipped == 0
    assert (clip.source_rate, clip.duration) == (16_000, 0.25)
    pcm = pcm16_from_samples(clip.samples)
    assert pcm == noise.astype("<i2").tobytes()
    assert np.array_equal(samples_from_pcm16(pcm), clip.samples)


def test_pcm_is_rounded_and_clipped():
    pcm = pcm16_from_samples(np.array([-2.0, -1.0, 0.4 / 32_768, 0.6 / 32_768, 1.0, 2.0]))
    assert np.frombuffer(pcm, "<i2").tolist() == [-32_768, -32_768, 0, 1, 32_767, 32_767]


@pytest.mark.parametrize(
    ("options", "tolerance"),
    [
        ({"subtype": "PCM_U8"}, 1 / 128),
        ({"subtype": "PCM_24"}, 1e-6),
        ({"subtype": "DOUBLE"}, 1e-7),
        ({"subtype": "ULAW"}, 0.02),
        ({"format": "RF64"}, 1 / 32_768),
        ({"format": "AIFF"}, 1 / 32_768),
        ({"format": "FLAC"}, 1 / 32_768),
        ({"format": "OGG", "subtype": "VORBIS"}, 0.05),
        ({"format": "MP3", "subtype": "MPEG_LAYER_III"}, 0.05),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else None,
)
def test_every_format_is_told_from_its_content(options, tolerance):
    samples = tone(16_000)
    clip = decode(sound_file(samples, **options))
    delay = int(np.correlate(clip.samples, samples, "full").argmax()) - (samples.size - 1)
    inside = slice(1_000, 7_000)  # Lossy coders delay the sound, and ring at its ends.
    found = np.roll(clip.samples, -delay)[inside]
    np.testing.assert_allclose(found, samples[inside], rtol=0, atol=tolerance)


def test_channels_are_averaged():
    stereo = np.stack([np.full(100, 0.5), np.full(100, -0.25)], axis=1)
    np.testing.assert_array_equal(decode(sound_file(stereo)).samples, np.full(100, 0.125))


@pytest.mark.parametrize("resampler", ["resampy", "soxr"])
@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_resampling_keeps_a_tone(rate, resampler):
    clip = decode(sound_file(tone(rate), rate, subtype="FLOAT"), resampler=resampler)
    assert clip.samples.size == pytest.approx(8_000, abs=1)
    assert clip.source_rate == rate
    assert clip.duration == pytest.approx(0.5)
    expected = tone(16_000)
    inside = slice(500, 7_500)
    np.testing.assert_allclose(clip.samples[inside], expected[inside], rtol=0, atol=2e-4)


@pytest.mark.parametrize("resampler", ["resampy", "soxr"])
@pytest.mark.parametrize("rate", [100, 15_999, 44_100, 768_000])
def test_one_sample_is_enough(rate, resampler):
    assert resample(np.ones(1, np.float32), rate, resampler).size >= 1


def test_what_lies_outside_of_the_range_is_kept_and_counted():
    clip = decode(sound_file(np.array([0.5, 1.5, -3.0, 1.0]), subtype="FLOAT"))
    assert clip.samples.tolist() == [0.5, 1.5, -3.0, 1.0]
    assert clip.clipped == 2


def test_a_loud_sound_that_overshoots_in_resampling_is_not_clipped():
    loud = np.sign(tone(8_000))
    clip = decode(sound_file(loud, 8_000, subtype="FLOAT"))
    assert clip.samples.max() > 1.05
    np.testing.assert_array_equal(clip.samples, resample(loud.astype(np.float32), 8_000))


def refusal(file, **options):
    with pytest.raises(AudioError) as error:
        decode(file, **options)
    message = str(error.value)
    assert message.endswith(".")
    assert "\n" not in message
    return error.value.reason, message


def test_each_refusal_has_its_reason(tmp_path):
    text = tmp_path / "notes.wav"
    text.write_text("no sound")
    # Its name promises headerless audio, of which nobody knows the rate.
    raw = tmp_path / "sound.raw"
    raw.write_bytes(bytes(100))
    assert refusal(text)[0] == "unreadable"
    assert refusal(raw)[0] == "unreadable"
    assert refusal(raw.open("rb"))[0] == "unreadable"
    assert refusal(tmp_path)[0] == "unreadable"
    assert "No such file" in refusal(tmp_path / "absent.wav")[1]
    assert refusal(sound_file(np.zeros(0)))[0] == "empty"
    assert refusal(sound_file(np.array([0.0, math.nan]), subtype="FLOAT"))[0] == "non_finite"
    assert refusal(sound_file(np.array([0.0, math.inf]), subtype="FLOAT"))[0] == "non_finite"


def test_bytes_in_which_ffmpeg_would_find_frames_are_no_sound():
    frame = b"\xff\xff\x18\xc0".ljust(48, b"\0")  # MPEG layer 1.
    assert refusal(io.BytesIO(b"records" + frame * 100))[0] == "unreadable"


@pytest.mark.parametrize("stub", [b"\xff\xfb\x90\x64", b"ID3\x04\0\0\0\0\0\0", b"fLaC", b"OggS"])
def test_a_stub_of_a_file_is_no_missing_file(stub, tmp_path):
    path = tmp_path / "stub.mp3"
    path.write_bytes(stub)
    reason, message = refusal(path)
    assert reason == "unreadable"
    assert message.startswith(f"{path} is not a sound file that can be read (")
    assert "exist" not in message


def test_a_wav_file_of_another_name_is_still_a_wav_file(tmp_path):
    path = tmp_path / "sound.raw"
    path.write_bytes(sound_file(np.full(10, 0.5)).read())
    assert decode(path).samples.tolist() == [0.5] * 10


def test_the_length_limit_is_inclusive():
    assert decode(sound_file(np.zeros(16_000)), max_seconds=1.0).duration == 1.0
    reason, message = refusal(sound_file(np.zeros(16_001)), max_seconds=1.0)
    assert reason == "too_long"
    assert "1 seconds" in message


def wav_header(channels=1, rate=16_000, data_bytes=8):
    """The header of a 16-bit WAV file with 8 bytes of data, whatever it claims."""
    block = 2 * channels
    form = struct.pack("<HHIIHH", 1, channels, rate, (rate * block) % 2**32, block % 2**16, 16)
    return (
        b"RIFF" + struct.pack("<I", min(36 + data_bytes, 2**32 - 1)) + b"WAVEfmt "
        + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", data_bytes) + bytes(8)
    )  # fmt: skip


@pytest.mark.parametrize(
    "header",
    [{"channels": 65}, {"channels": 1_000}, {"rate": 99}, {"rate": 768_001}, {"rate": 2**31 - 1}],
)
def test_headers_that_no_recording_has_are_refused(header):
    assert refusal(io.BytesIO(wav_header(**header)))[0] == "unreadable"


def test_a_header_that_claims_gigabytes_allocates_nothing():
    file = io.BytesIO(wav_header(data_bytes=2**32 - 100))
    tracemalloc.start()
    clip = decode(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert clip.samples.size == 4
    assert peak < 8e6


@pytest.mark.real_data
def test_odd_files_decode_or_are_refused_for_a_reason(real_data):
    found = {}
    for path in sorted((real_data / "odd_audio").rglob("*.*")):
        try:
            clip = decode(path)
        except AudioError as error:
            found[path.name] = error.reason
        else:
            assert clip.samples.size >= 1
            assert np.abs(clip.samples).max() <= 1.0
            found[path.name] = round(clip.duration, 3)
    unreadable = {name for name, outcome in found.items() if outcome == "unreadable"}
    assert unreadable == {
        "ZASFX_ADSR_no_sustain.s16le.pcm",
        "test-44100Hz-le-1ch-4bytes-early-eof-no-data.wav",
        "test-44100Hz-le-1ch-4bytes-incomplete-chunk.wav",
        *(f"test-8000Hz-le-3ch-5S-{depth}bit.wav" for depth in (36, 45, 53)),
    }
    assert len(found) == 34
    kinds = (".wav", ".flac", ".ogg", ".s24.wav", ".s24.flac", ".u8.wav", ".u8.flac", ".f32.wav")
    assert {found[f"ZASFX_ADSR_no_sustain{kind}"] for kind in kinds} == {0.325}
    assert found["mono_10khz.wav"] == 0.576
