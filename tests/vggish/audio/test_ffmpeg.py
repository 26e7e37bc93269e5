import io

import av
import numpy as np
import pytest
import soundfile
from encoding import encoded

from vggish.audio.decoding import decode, open_sound, pcm16_from_samples
from vggish.errors import AudioError

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


@pytest.mark.parametrize(
    ("container", "codec", "rate", "name"),
    [
        ("ogg", "flac", 16_000, "OGG FLAC"),
        ("wv", "wavpack", 16_000, "WV WAVPACK"),
        ("tta", "tta", 16_000, "TTA TTA"),
        ("asf", "wmav2", 44_100, "ASF WMAV2"),
        ("ac3", "ac3", 48_000, "AC3 AC3"),
        ("eac3", "eac3", 48_000, "EAC3 EAC3"),
        ("mp2", "mp2", 44_100, "MP3 MP2"),
    ],
)
def test_formats_that_only_ffmpeg_reads_keep_a_tone(
    container: str, codec: str, rate: int, name: str
) -> None:
    content = encoded(container, codec, rate).read()
    with open_sound(io.BytesIO(content)) as sound:
        assert sound.format == name
    clip = decode(io.BytesIO(content))
    assert clip.duration == pytest.approx(1.0, abs=0.15)
    spectrum = np.abs(np.fft.rfft(clip.samples[4_000:12_000] * np.hanning(8_000)))
    assert spectrum.argmax() * 2 == 440
    assert clip.samples[4_000:12_000].std() == pytest.approx(0.5 / np.sqrt(2), rel=0.03)


def test_mpeg_layer_1_is_read() -> None:
    # ISO/IEC 11172-3: a frame of 384 samples at 32 kbit/s and 32 kHz, whose subbands are all empty.
    frame = b"\xff\xff\x18\xc0".ljust(48, b"\0")
    clip = decode(io.BytesIO(frame * 100))
    assert (clip.source_rate, clip.duration) == (32_000, 1.2)
    assert not clip.samples.any()


def test_amr_is_read() -> None:
    # RFC 4867, section 5: the magic number, then frames of 20 ms at 12.2 kbit/s.
    clip = decode(io.BytesIO(b"#!AMR\n" + (b"\x3c" + bytes(31)) * 50))
    assert (clip.source_rate, clip.duration) == (8_000, 1.0)


@pytest.fixture(scope="module")
def flac() -> tuple[bytes, bytes]:
    """A FLAC file, and the 16-bit samples in it; they take more than one block to decode."""
    samples = np.random.default_rng(1).integers(-9_000, 9_000, 1_000_000).astype("<i2")
    file = io.BytesIO()
    soundfile.write(file, samples, 16_000, format="FLAC")
    return file.getvalue(), samples.tobytes()


def test_flac_without_a_length_is_read_to_its_end(flac: tuple[bytes, bytes]) -> None:
    content = bytearray(flac[0])
    content[21] &= 0xF0  # RFC 9639, section 8.2: the 36 bits before the checksum.
    content[22:26] = bytes(4)
    assert pcm16_from_samples(decode(io.BytesIO(content)).samples) == flac[1]


def test_flac_that_starts_at_a_frame_is_read(flac: tuple[bytes, bytes]) -> None:
    frames = flac[0][flac[0].index(b"\xff\xf8") :]
    assert pcm16_from_samples(decode(io.BytesIO(frames)).samples) == flac[1]


def test_a_tag_before_the_sound_does_not_hide_it(flac: tuple[bytes, bytes]) -> None:
    tag = b"ID3\x04\0\0\0\0\x07\x68" + bytes(1_000)
    assert pcm16_from_samples(decode(io.BytesIO(tag + flac[0])).samples) == flac[1]
    aac = encoded("adts", "aac", 16_000).read()
    assert decode(io.BytesIO(tag + aac)).duration == decode(io.BytesIO(aac)).duration


@pytest.mark.real_data
def test_a_real_mp4_is_read(real_data):
    clip = decode(real_data / "odd_audio" / "tensorflow_io" / "gs-16b-2c-44100hz.mp4")
    assert clip.source_rate == 44_100
    assert clip.duration == pytest.approx(15.836, abs=1e-3)
