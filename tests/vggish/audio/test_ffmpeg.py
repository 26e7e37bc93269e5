import io

import av
import numpy as np
import pytest

from vggish.audio.decoding import decode, open_sound
from vggish.errors import AudioError


def encoded(container, codec, rate, channels=1, seconds=1.0):
    """A 440 Hz tone as a file in memory, of amplitude 0.5 in the first channel and 0 elsewhere."""
    samples = np.zeros((channels, int(rate * seconds)), np.float32)
    samples[0] = 0.5 * np.sin(2 * np.pi * 440 * np.arange(samples.shape[1]) / rate)
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout="stereo" if channels == 2 else "mono")
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=stream.layout.name)
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            output.mux(packet)
    file.seek(0)
    return file


CASES = [("mp4", "aac", 44_100, "MOV AAC"), ("adts", "aac", 16_000, "AAC AAC")]


@pytest.mark.parametrize(("container", "codec", "rate", "name"), CASES)
def test_aac_is_told_from_its_content_and_keeps_a_tone(container, codec, rate, name, tmp_path):
    path = tmp_path / "tone.wav"  # The name says nothing.
    path.write_bytes(encoded(container, codec, rate, channels=2).read())
    with open_sound(path) as sound:
        assert (sound.format, sound.rate, sound.channels) == (name, rate, 2)
    clip = decode(path)
    assert clip.source_rate == rate
    assert clip.duration == pytest.approx(1.0, abs=0.15)  # Coders pad to whole frames.
    spectrum = np.abs(np.fft.rfft(clip.samples[4_000:12_000] * np.hanning(8_000)))
    assert spectrum.argmax() * 2 == 440
    # A tone of amplitude 0.5 in one of two channels is one of 0.25 in their mean.
    assert clip.samples[4_000:12_000].std() == pytest.approx(0.25 / np.sqrt(2), rel=0.03)


def test_webm_is_read():
    with open_sound(encoded("webm", "libopus", 48_000)) as sound:
        assert (sound.format, sound.rate) == ("MATROSKA OPUS", 48_000)
        assert sum(len(block) for block in sound.blocks()) > 40_000


def test_damaged_files_are_refused():
    whole = encoded("mp4", "aac", 44_100).read()
    for content in (whole[:16], whole[:200], whole[: len(whole) // 2]):
        with pytest.raises(AudioError) as error:
            decode(io.BytesIO(content))
        assert error.value.reason == "unreadable"
        assert str(error.value).endswith(".")


def test_a_film_without_sound_is_refused():
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 16
        picture = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        for packet in [*stream.encode(picture), *stream.encode(None)]:
            output.mux(packet)
    file.seek(0)
    with pytest.raises(AudioError, match="holds no sound"):
        decode(file)


def test_an_unknown_coding_is_refused():
    # Without its table of sample descriptions, nothing says how the sound is coded.
    content = encoded("mp4", "aac", 44_100).read().replace(b"stsd", b"what")
    with pytest.raises(AudioError, match="unknown codec; convert it"):
        decode(io.BytesIO(content))


@pytest.mark.real_data
def test_a_real_mp4_is_read(real_data):
    clip = decode(real_data / "odd_audio" / "tensorflow_io" / "gs-16b-2c-44100hz.mp4")
    assert clip.source_rate == 44_100
    assert clip.duration == pytest.approx(15.836, abs=1e-3)
