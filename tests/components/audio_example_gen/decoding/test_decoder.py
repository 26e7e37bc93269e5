import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from trees import write_sound

from components.audio_example_gen.decoding.clip_policies import read_clips
from components.audio_example_gen.decoding.decoder import Decoder
from components.audio_example_gen.sources.listing import AnnotatedEvent
from schema.config.ingest_settings import IngestSettings
from vggish.errors import AudioError


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    decoder = Decoder(IngestSettings(timeout_seconds=1, max_seconds=4, long="split"))
    yield decoder
    decoder.close()


def children() -> set[int]:
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            found.add(int(status.parent.name))
    return found


def refusal(decoder: Decoder, path: Path) -> tuple[str, str]:
    with pytest.raises(AudioError) as error:
        list(decoder.clips(str(path), "the/clip.wav"))
    return error.value.reason, str(error.value)


@pytest.mark.parametrize("seconds", [0.5, 10])
def test_clips_come_through_as_they_are(decoder: Decoder, tmp_path: Path, seconds: float) -> None:
    path = str(write_sound(tmp_path / "ünï code.wav", seconds))
    ingest = IngestSettings(max_seconds=4, long="split")
    expected = list(read_clips(path, "x", ingest))
    assert list(decoder.clips(path, "x")) == expected
    assert len(expected) == (3 if seconds == 10 else 1)


def test_refusals_come_through_under_the_name_of_the_clip(decoder: Decoder, tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_text("no sound")
    reason, detail = refusal(decoder, tmp_path / "x.wav")
    assert reason == "unreadable"
    assert detail.startswith("the/clip.wav is not a sound file")


def test_one_process_serves_many_files(decoder: Decoder, tmp_path: Path) -> None:
    path = str(write_sound(tmp_path / "x.wav"))
    list(decoder.clips(path, "x"))
    before = children()
    for _ in range(20):
        list(decoder.clips(path, "x"))
    assert children() == before


def test_a_file_that_hangs_the_decoder_costs_itself_alone(decoder: Decoder, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")  # Opening it waits for a writer, for ever.
    reason, detail = refusal(decoder, tmp_path / "pipe.wav")
    assert (reason, detail[:12]) == ("timeout", "the/clip.wav")
    path = str(write_sound(tmp_path / "good.wav"))
    assert len(list(decoder.clips(path, "good.wav"))) == 1


def test_a_file_that_crashes_the_decoder_costs_itself_alone(
    decoder: Decoder, tmp_path: Path
) -> None:
    path = str(write_sound(tmp_path / "good.wav"))
    list(decoder.clips(path, "x"))
    process = decoder.process_id
    os.mkfifo(tmp_path / "pipe.wav")
    threading.Timer(0.3, os.kill, (process, signal.SIGSEGV)).start()
    reason, detail = refusal(decoder, tmp_path / "pipe.wav")
    assert reason == "unreadable"
    assert "crashed its decoder (exit code -11)" in detail
    assert len(list(decoder.clips(path, "good.wav"))) == 1


def test_a_disk_that_fails_is_not_the_fault_of_the_file(decoder: Decoder, tmp_path: Path) -> None:
    good = str(write_sound(tmp_path / "good.wav"))
    with pytest.raises(OSError, match="Input/output error"):
        list(decoder.clips("/proc/self/mem", "x.wav"))  # Address 0 can never be read.
    assert len(list(decoder.clips(good, "good.wav"))) == 1


def test_a_process_that_is_ended_from_outside_costs_no_file(
    decoder: Decoder, tmp_path: Path
) -> None:
    good = str(write_sound(tmp_path / "good.wav"))
    list(decoder.clips(good, "good.wav"))
    os.mkfifo(tmp_path / "pipe.wav")
    threading.Timer(0.3, os.kill, (decoder.process_id, signal.SIGKILL)).start()
    with pytest.raises(ConnectionError, match="ended from outside \\(signal 9\\)"):
        list(decoder.clips(str(tmp_path / "pipe.wav"), "x.wav"))
    assert len(list(decoder.clips(good, "good.wav"))) == 1


def test_a_recording_with_a_part_that_fails_gives_no_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = Decoder(IngestSettings(max_seconds=4, long="split"))
    path = str(write_sound(tmp_path / "long.wav", seconds=10))
    received = 0

    def receive(seconds: float) -> bytes:
        nonlocal received
        received += 1
        if received == 4:  # The start, a clip's fields and its samples came before.
            raise TimeoutError
        return original(seconds)

    original = decoder._receive
    monkeypatch.setattr(decoder, "_receive", receive)
    clips = decoder.clips(path, "long.wav")
    with pytest.raises(AudioError, match="gave no sound within"):
        next(clips)
    decoder.close()


def test_who_stops_halfway_gets_the_right_clips_next(decoder: Decoder, tmp_path: Path) -> None:
    long = decoder.clips(str(write_sound(tmp_path / "long.wav", seconds=10)), "long.wav")
    assert next(long).part == "#t=0,4"
    long.close()
    short = write_sound(tmp_path / "short.wav", seconds=0.5)
    (clip,) = decoder.clips(str(short), "short.wav")
    assert (clip.part, clip.duration) == ("", 0.5)


def test_no_process_is_left_behind(tmp_path: Path) -> None:
    before = children()
    decoder = Decoder(IngestSettings())
    list(decoder.clips(str(write_sound(tmp_path / "x.wav")), "x"))
    assert len(children() - before) == 1
    decoder.close()
    assert children() == before


def test_a_file_that_needs_too_much_memory_is_refused(tmp_path: Path) -> None:
    header = write_sound(tmp_path / "x.wav", subtype="PCM_U8").read_bytes()[:40]
    size = 700_000_000  # Samples of a byte, thus 2.8 GB once they are decoded.
    with (tmp_path / "huge.wav").open("wb") as file:
        file.write(header + size.to_bytes(4, "little"))
        file.truncate(44 + size)  # Zeros that take no space on the disk.
    decoder = Decoder(IngestSettings(max_seconds=1e6))
    assert refusal(decoder, tmp_path / "huge.wav")[0] == "too_long"
    assert len(list(decoder.clips(str(tmp_path / "x.wav"), "x.wav"))) == 1
    decoder.close()


def announce_all(decoder: Decoder, paths: list[Path]) -> None:
    for path in paths:
        decoder.announce(str(path), path.name)


def test_announced_files_come_in_their_order(decoder: Decoder, tmp_path: Path) -> None:
    paths = [write_sound(tmp_path / f"{n}.wav", seconds=0.5 + n / 10) for n in range(9)]
    announce_all(decoder, paths)
    for n, path in enumerate(paths):
        (clip,) = decoder.clips(str(path), path.name)
        assert clip.duration == pytest.approx(0.5 + n / 10)


def test_announced_files_that_fail_cost_themselves_alone(decoder: Decoder, tmp_path: Path) -> None:
    good = [write_sound(tmp_path / f"{n}.wav", seconds=0.5 + n / 10) for n in range(4)]
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "text.wav").write_text("no sound")
    paths = [good[0], tmp_path / "pipe.wav", good[1], tmp_path / "text.wav", good[2], good[3]]
    announce_all(decoder, paths)
    reasons = []
    for path in paths:
        try:
            reasons.append([clip.duration for clip in decoder.clips(str(path), path.name)])
        except AudioError as error:
            reasons.append(error.reason)
    assert reasons == [[0.5], "timeout", [0.6], "unreadable", [0.7], [0.8]]


def test_a_crash_costs_the_announced_file_that_caused_it(decoder: Decoder, tmp_path: Path) -> None:
    before, after = (write_sound(tmp_path / f"{name}.wav") for name in ("before", "after"))
    list(decoder.clips(str(before), before.name))
    os.mkfifo(tmp_path / "pipe.wav")
    announce_all(decoder, [before, tmp_path / "pipe.wav", after])
    time.sleep(0.3)  # By now, the decoder is at the pipe.
    os.kill(decoder.process_id or 0, signal.SIGSEGV)
    time.sleep(0.1)
    decoder.announce(str(after), after.name)
    assert len(list(decoder.clips(str(before), before.name))) == 1
    with pytest.raises(AudioError, match=r"pipe\.wav crashed its decoder"):
        list(decoder.clips(str(tmp_path / "pipe.wav"), "pipe.wav"))
    for _ in range(2):
        assert len(list(decoder.clips(str(after), after.name))) == 1


def test_another_file_than_the_announced_one_forgets_it(decoder: Decoder, tmp_path: Path) -> None:
    announced = write_sound(tmp_path / "announced.wav", seconds=0.5)
    other = write_sound(tmp_path / "other.wav", seconds=0.7)
    announce_all(decoder, [announced, announced])
    (clip,) = decoder.clips(str(other), other.name)
    assert clip.duration == pytest.approx(0.7)


def test_announcing_more_than_the_pipe_holds_does_not_wait(
    decoder: Decoder, tmp_path: Path
) -> None:
    path = write_sound(tmp_path / "x.wav", seconds=30)
    events = [AnnotatedEvent(0.0, 1.0, "dog", "row 1") for _ in range(4_000)]
    list(decoder.clips(str(path), "first"))
    for n in range(3):
        decoder.announce(str(path), f"{n}", events)
    for n in range(3):
        assert list(decoder.clips(str(path), f"{n}", events))
