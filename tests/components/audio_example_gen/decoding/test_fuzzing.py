"""No file does harm: not damaged ones, not odd ones."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzzing import ANY, GOOD, corpus

from components.audio_example_gen.decoding.decoder import Decoder
from components.file_trees.refusals import RefusedError
from schema.config.ingest_settings import IngestSettings
from vggish.errors import AudioError

MAX_SECONDS = 2.0
MAX_MEGABYTES = 500


class Meter:
    """A decoder that is timed, and of whose process the memory is read."""

    def __init__(self, ingest: IngestSettings):
        self._decoder = Decoder(ingest)
        self.slowest = 0.0
        self.megabytes = 0.0
        self.processes: set[int] = set()

    def outcome(self, path: Path) -> tuple[str, float]:
        """Returns the reason of a refusal, or `good` and the seconds of sound."""
        begin = time.monotonic()
        try:
            outcome = GOOD, sum(clip.duration for clip in self._decoder.clips(str(path), path.name))
        except AudioError as error:
            assert "\n" not in str(error)
            outcome = error.reason, 0.0
        self.slowest = max(self.slowest, time.monotonic() - begin)
        self._weigh()
        return outcome

    def _weigh(self) -> None:
        process = self._decoder.process_id
        assert process is not None, "the decoder was killed"
        self.processes.add(process)
        status = Path(f"/proc/{process}/status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        self.megabytes = max(self.megabytes, int(peak.split()[1]) / 1024)

    def close(self) -> None:
        self._decoder.close()


@pytest.fixture
def meter() -> Iterator[Meter]:
    # soxr is ready at once, where resampy first compiles itself.
    meter = Meter(IngestSettings(resampler="soxr", timeout_seconds=10))
    yield meter
    meter.close()


def test_damaged_files_are_accepted_or_refused_for_the_right_reason(
    meter: Meter, tmp_path: Path
) -> None:
    files = 0
    for name, content, expected in corpus(seed=0, damaged=20):
        path = tmp_path / name
        path.write_bytes(content)
        reason, seconds = meter.outcome(path)
        assert reason in (GOOD, *RefusedError.REASONS)
        assert expected in (ANY, reason), name
        if expected == GOOD:
            assert seconds == pytest.approx(0.5, abs=0.15), name
        files += 1
    print(f"{files} files, slowest {meter.slowest:.3f} s, {meter.megabytes:.0f} MB")
    assert files > 1200
    assert meter.slowest < MAX_SECONDS
    assert meter.megabytes < MAX_MEGABYTES
    assert len(meter.processes) == 1, "a file crashed the decoder"


# What is readable, and how long it is in seconds; of all else why it is not.
ODD = {
    "scipy": {
        "test-1234Hz-le-1ch-10S-20bit-extra.wav": 0.008,
        "test-44100Hz-2ch-32bit-float-be.wav": 0.01,
        "test-44100Hz-2ch-32bit-float-le.wav": 0.01,
        "test-44100Hz-be-1ch-4bytes.wav": 0.1,
        "test-44100Hz-le-1ch-4bytes-early-eof-no-data.wav": "unreadable",
        "test-44100Hz-le-1ch-4bytes-early-eof.wav": 0.005,
        "test-44100Hz-le-1ch-4bytes-incomplete-chunk.wav": "unreadable",
        "test-44100Hz-le-1ch-4bytes-rf64.wav": 0.1,
        "test-44100Hz-le-1ch-4bytes.wav": 0.1,
        "test-48000Hz-2ch-64bit-float-le-wavex.wav": 0.01,
        "test-8000Hz-be-3ch-5S-24bit.wav": 0.001,
        "test-8000Hz-le-1ch-1byte-ulaw.wav": 0.001,
        "test-8000Hz-le-2ch-1byteu.wav": 0.1,
        "test-8000Hz-le-3ch-5S-24bit-inconsistent.wav": 0.001,
        "test-8000Hz-le-3ch-5S-24bit-rf64.wav": 0.001,
        "test-8000Hz-le-3ch-5S-24bit.wav": 0.001,
        "test-8000Hz-le-3ch-5S-36bit.wav": "unreadable",
        "test-8000Hz-le-3ch-5S-45bit.wav": "unreadable",
        "test-8000Hz-le-3ch-5S-53bit.wav": "unreadable",
        "test-8000Hz-le-3ch-5S-64bit.wav": 0.001,
        "test-8000Hz-le-4ch-9S-12bit.wav": 0.001,
        "test-8000Hz-le-5ch-9S-5bit.wav": 0.001,
    },
    "tensorflow_io": {
        "ZASFX_ADSR_no_sustain-4410-quality-default.wav": 0.325,
        "ZASFX_ADSR_no_sustain.f32.wav": 0.325,
        "ZASFX_ADSR_no_sustain.flac": 0.325,
        "ZASFX_ADSR_no_sustain.ogg": 0.325,
        "ZASFX_ADSR_no_sustain.s16le.pcm": "unreadable",  # Headerless: its rate is nobody's guess.
        "ZASFX_ADSR_no_sustain.s24.flac": 0.325,
        "ZASFX_ADSR_no_sustain.s24.wav": 0.325,
        "ZASFX_ADSR_no_sustain.u8.flac": 0.325,
        "ZASFX_ADSR_no_sustain.u8.wav": 0.325,
        "ZASFX_ADSR_no_sustain.wav": 0.325,
        "gs-16b-2c-44100hz.mp4": 15.836,
        "mono_10khz.wav": 0.576,
    },
}


@pytest.mark.real_data
def test_odd_files_are_read_or_refused_for_the_right_reason(meter: Meter, real_data: Path) -> None:
    found: dict[str, dict] = {}
    for folder, expected in ODD.items():
        paths = sorted((real_data / "odd_audio" / folder).iterdir())
        assert [path.name for path in paths] == sorted(expected)
        for path in paths:
            reason, seconds = meter.outcome(path)
            found.setdefault(folder, {})[path.name] = round(seconds, 3) if seconds else reason
    print(f"slowest {meter.slowest:.3f} s, {meter.megabytes:.0f} MB")
    assert found == ODD
    assert meter.slowest < MAX_SECONDS
    assert meter.megabytes < MAX_MEGABYTES
    assert len(meter.processes) == 1
