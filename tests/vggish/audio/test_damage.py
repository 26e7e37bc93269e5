"""One policy for every format: what cannot be decoded is refused."""

import io

import numpy as np
import pytest
from encoding import encoded, written

from vggish.audio.decoding import open_sound
from vggish.errors import AudioError

SECONDS = 30
SOUNDS = {
    "flac": lambda: written("FLAC", "PCM_16", 16_000, SECONDS, 0.01),
    "vorbis": lambda: written("OGG", "VORBIS", 16_000, SECONDS, 0.01),
    "opus": lambda: written("OGG", "OPUS", 16_000, SECONDS, 0.01),
    "mp3": lambda: written("MP3", "MPEG_LAYER_III", 16_000, SECONDS, 0.01),
    "alac": lambda: written("CAF", "ALAC_16", 16_000, SECONDS, 0.01),
    "mp3_without_length": lambda: encoded(
        "mp3", "libmp3lame", 44_100, 1, SECONDS, 0.01, write_xing="0", id3v2_version="0"
    ),
    "mp2": lambda: encoded("mp2", "mp2", 44_100, 1, SECONDS, 0.01),
    "aac": lambda: encoded("adts", "aac", 44_100, 1, SECONDS, 0.01),
    "m4a": lambda: encoded("mp4", "aac", 44_100, 1, SECONDS, 0.01),
    "ogg_flac": lambda: encoded("ogg", "flac", 16_000, 1, SECONDS, 0.01),
    "webm": lambda: encoded("webm", "libopus", 48_000, 1, SECONDS, 0.01),
    "wavpack": lambda: encoded("wv", "wavpack", 16_000, 1, SECONDS, 0.01),
    "tta": lambda: encoded("tta", "tta", 16_000, 1, SECONDS, 0.01),
    "ac3": lambda: encoded("ac3", "ac3", 44_100, 1, SECONDS, 0.01),
    "wma": lambda: encoded("asf", "wmav2", 44_100, 1, SECONDS, 0.01),
}


@pytest.fixture(scope="module", params=SOUNDS)
def whole(request: pytest.FixtureRequest) -> bytes:
    """A file of 30 seconds in each format."""
    return SOUNDS[request.param]().read()


def heard(content: bytes) -> float | str:
    """The seconds that are heard, or the reason of the refusal."""
    try:
        with open_sound(io.BytesIO(content)) as sound:
            return sum(len(block) for block in sound.blocks()) / sound.rate
    except AudioError as error:
        assert str(error).endswith(".")
        assert "\n" not in str(error)
        return error.reason


def test_a_whole_file_is_heard_whole(whole: bytes) -> None:
    assert heard(whole) == pytest.approx(SECONDS, abs=0.2)  # Lossy coders pad to whole frames.
    tagged = whole + b"TAG" + bytes(125)  # ID3v1, at the end.
    assert heard(tagged) == pytest.approx(heard(whole), abs=0.05)


def test_a_file_with_a_damaged_part_is_refused(
    whole: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    third = len(whole) // 3
    noise = np.random.default_rng(1).bytes(8_000)
    assert heard(whole[:third] + noise + whole[third + 8_000 :]) == "damaged"
    assert heard(whole[:third] + bytes(8_000) + whole[third + 8_000 :]) == "damaged"
    assert capfd.readouterr() == ("", "")  # Decoders would tell the terminal about it.


def test_a_file_that_lost_a_part_is_refused(whole: bytes) -> None:
    third = len(whole) // 3
    # MP4 and ALAC in CAF have their index at the end, which then is not found.
    assert heard(whole[:third] + whole[third + 8_000 :]) in ("damaged", "unreadable")


def test_a_file_that_was_cut_off_is_heard_or_refused_but_never_in_part(whole: bytes) -> None:
    third = heard(whole[: len(whole) // 3])
    assert third in ("damaged", "unreadable") or third == pytest.approx(SECONDS / 3, abs=2.0)


@pytest.mark.parametrize("part", [3, 20])
@pytest.mark.parametrize("name", ["vorbis", "opus", "ogg_flac", "wma", "flac", "wavpack"])
def test_a_file_whose_end_is_zeros_is_refused(name: str, part: int) -> None:
    whole = SOUNDS[name]().read()
    lost = len(whole) // part
    assert heard(whole[:-lost] + bytes(lost)) == "damaged"


def test_an_mp3_file_whose_last_third_is_zeros_is_refused() -> None:
    # A few zeros after a stream of frames may as well be padding or a tag.
    whole = SOUNDS["mp3"]().read()
    assert heard(whole[: -len(whole) // 3] + bytes(len(whole) // 3)) == "damaged"


@pytest.mark.parametrize("name", ["vorbis", "opus", "ogg_flac"])
def test_an_ogg_file_is_heard_to_where_it_was_cut_off(name: str) -> None:
    whole = SOUNDS[name]().read()
    last = whole.rfind(b"OggS")
    for cut in (last, last + 2, last + 20, last + 27, len(whole) - 1):
        assert heard(whole[:cut]) == pytest.approx(SECONDS, abs=2.0)
    # Bytes of something else may follow the end of the stream, but not its middle.
    assert heard(whole + bytes(5_000)) in (heard(whole), "damaged")
    assert heard(whole[:last] + b"TAG" + bytes(125)) == "damaged"


def test_a_windows_media_file_that_was_cut_off_is_refused() -> None:
    # Its header states the length.
    whole = SOUNDS["wma"]().read()
    assert heard(whole[: len(whole) * 9 // 10]) == "damaged"


def test_a_second_stream_in_an_ogg_file_is_not_lost_silently() -> None:
    assert heard(SOUNDS["vorbis"]().read() * 2) == "damaged"
    assert heard(SOUNDS["ogg_flac"]().read() * 2) == 2 * SECONDS
