"""WAV files in the graph against the pipeline's own decoding of the same bytes."""

import io
import resource
import struct

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from trainer.serving.wav_decoding import (
    MAX_FILE_SAMPLES,
    MAX_WAV_CHUNKS,
    WavHeaders,
    decode_wavs,
    read_wav_headers,
)
from vggish.audio import decoding
from vggish.networks.log_mel import log_mel_from_windows, map_windows, windows_from_pcm16

STEP = 1 / 32_768  # Of 16-bit samples.
RATES = [
    4_000, 4_001, 8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 44_101, 48_000, 96_000,
    192_000,
]  # fmt: skip
DEPTHS = ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"]
PCM_GUID = struct.pack("<H", 1) + bytes.fromhex("000000001000800000aa00389b71")


MAX_SECONDS = 120


@tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
def hear(files):
    """The windows of the good files, and a sentence for each of the others."""
    headers, errors = read_wav_headers(files, MAX_SECONDS * 16_000)
    good = tf.where(errors == "")[:, 0]
    some = WavHeaders(*(tf.gather(field, good) for field in headers))
    sounds, faults = decode_wavs(tf.gather(files, good), some)
    errors = tf.tensor_scatter_nd_update(errors, good[:, tf.newaxis], faults)
    return map_windows(tf.identity, sounds, [15_600]), errors


def windows(files):
    found, errors = hear(tf.constant(files, tf.string))
    assert not any(errors.numpy())
    return found


def errors_of(*files):
    return [sentence.decode() for sentence in hear(tf.constant(files))[1].numpy()]


def noise(frames, channels=1, seed=0):
    return np.random.default_rng(seed).uniform(-0.9, 0.9, (frames, channels))


def sound_file(samples, rate=16_000, subtype="PCM_16", kind="WAV"):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype, format=kind)
    return file.getvalue()


def form(tag=1, channels=1, rate=16_000, bits=16, rest=b""):
    block = channels * bits // 8
    return struct.pack(
        "<HHIIHH", tag, channels, rate, rate * block % 2**32, block % 2**16, bits
    ) + rest  # fmt: skip


def chunk(name, body, size=None):
    size = len(body) if size is None else size
    return name + struct.pack("<I", size) + body + b"\0" * (len(body) % 2)


def riff(*chunks, name=b"RIFF", size=None):
    body = b"WAVE" + b"".join(chunks)
    return name + struct.pack("<I", len(body) if size is None else size) + body


PCM = (np.arange(400) * 70).astype("<i2").tobytes()
PLAIN = riff(chunk(b"fmt ", form()), chunk(b"data", PCM))


def by_pipeline(files):
    """The pipeline's windows of files: decoded, rounded to 16 bits, and cut."""
    clips = [decoding.decode(io.BytesIO(file)).samples for file in files]
    return windows_from_pcm16(tf.constant([decoding.pcm16_from_samples(clip) for clip in clips]))


def assert_agrees(files):
    """Resampled samples may be rounded to the next step; few of them are."""
    found, expected = windows(files), by_pipeline(files)
    assert found.row_lengths().numpy().tolist() == expected.row_lengths().numpy().tolist()
    differences = np.abs(found.values.numpy() - expected.values.numpy())
    assert differences.max() <= 1.01 * STEP
    assert np.mean(differences > 0) < 0.01


@pytest.mark.parametrize("channels", [1, 2, 5, 64])
def test_every_depth_and_number_of_channels(channels):
    assert_agrees([sound_file(noise(700, channels), subtype=d) for d in DEPTHS])


def test_16_bit_sound_at_16_khz_is_kept_bit_for_bit():
    samples = np.random.default_rng(0).integers(-32_768, 32_768, 40_000).astype(np.int16)
    samples[:2] = -32_768, 32_767
    file = sound_file(samples)
    assert np.array_equal(windows([file]).values, by_pipeline([file]).values)


def test_every_rate_in_one_batch_of_different_depths_and_lengths():
    files = [
        sound_file(noise(rate // 4 + 17 * i, 1 + i % 2, i), rate, DEPTHS[i % len(DEPTHS)])
        for i, rate in enumerate(RATES)
    ]
    assert_agrees([*files, sound_file(noise(50_000)), sound_file(noise(1))])


def test_an_empty_batch_has_no_windows():
    assert windows([]).shape == [0, None, 15_600]


def test_what_lies_outside_of_the_range_is_clipped():
    files = [
        sound_file(np.array([0.5, 1.5, -3.0, 1.0]), rate, "FLOAT") for rate in (16_000, 44_100)
    ]
    found = windows(files).values.numpy()
    assert found[0, :4].tolist() == [0.5, 1 - STEP, -1.0, 1 - STEP]
    assert_agrees(files)


@pytest.mark.parametrize(
    "file",
    [
        riff(chunk(b"LIST", b"odd"), chunk(b"fmt ", form()), chunk(b"junk", b""),
             chunk(b"data", PCM), chunk(b"id3 ", b"more")),
        riff(chunk(b"fmt ", form(rest=b"\0\0")), chunk(b"fact", b"four"), chunk(b"data", PCM)),
        riff(chunk(b"fmt ", form()), chunk(b"data", PCM, 0xFFFFFFFF)),
        riff(chunk(b"fmt ", form()), chunk(b"data", PCM, 5_000)),
        riff(chunk(b"fmt ", form()), chunk(b"data", PCM, 0), size=0),
        riff(chunk(b"fmt ", form()), chunk(b"data", PCM, 0), size=8),
        riff(chunk(b"fmt ", form()), chunk(b"data", PCM), size=3),
        riff(chunk(b"fmt ", form()), chunk(b"data", PCM + b"\1")),
        PLAIN[:-7],
        riff(chunk(b"fmt ", form(0xFFFE, rest=struct.pack("<HHI", 22, 16, 4) + PCM_GUID)),
             chunk(b"data", PCM)),
        riff(chunk(b"ds64", struct.pack("<QQQI", 900, 800, 400, 0)), chunk(b"fmt ", form()),
             chunk(b"data", PCM, 0xFFFFFFFF), chunk(b"tail", PCM), name=b"RF64", size=0xFFFFFFFF),
        riff(chunk(b"ds64", struct.pack("<QQQI", 2**64 - 1, 2**64 - 1, 400, 0)),
             chunk(b"fmt ", form()), chunk(b"data", PCM, 0xFFFFFFFF), name=b"RF64"),
    ],
    ids=["odd_and_unknown_chunks", "long_format", "size_unknown", "size_too_large", "unclosed",
         "unclosed_by_libsndfile", "wrong_riff_size", "half_a_sample_more", "cut", "extensible",
         "rf64", "rf64_of_no_size"],
)  # fmt: skip
def test_sound_is_found_with_any_claimed_size(file):
    found = windows([file]).values.numpy()[0]
    count = 396 if file == PLAIN[:-7] else 400
    np.testing.assert_array_equal(found[:count] / STEP, np.arange(count) * 70)
    assert not found[count:].any()


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (b"", "is not a WAV file"),
        (b"RIFF", "is not a WAV file"),
        (b"OggS" + bytes(100), "is not a WAV file"),
        (PLAIN.replace(b"RIFF", b"RIFX"), "is not a WAV file"),
        (PLAIN.replace(b"data", b"date"), "has no chunk `data`"),
        (riff(chunk(b"fmt ", form())), "has no chunk `data`"),
        (riff(chunk(b"fmt ", form()), *[chunk(b"LIST", b"")] * MAX_WAV_CHUNKS, chunk(b"data", PCM)),
         "has no chunk `data`"),
        (riff(chunk(b"data", PCM), chunk(b"fmt ", form())), "has no chunk `fmt ` before `data`"),
        (riff(chunk(b"fmt ", form()[:14]), chunk(b"data", PCM)), "has no chunk `fmt `"),
        (sound_file(noise(100), subtype="ULAW"), "is a WAV file of coding 7 with 8 bits"),
        (riff(chunk(b"fmt ", form(bits=64)), chunk(b"data", PCM)), "coding 1 with 64 bits"),
        (riff(chunk(b"fmt ", form(bits=0)), chunk(b"data", PCM)), "coding 1 with 0 bits"),
        (riff(chunk(b"fmt ", form(3, bits=16)), chunk(b"data", PCM)), "coding 3 with 16 bits"),
        (riff(chunk(b"fmt ", form(0xFFFE, rest=struct.pack("<HHI", 22, 16, 4) + bytes(16))),
              chunk(b"data", PCM)), "coding 65534 with 16 bits"),
        (riff(chunk(b"fmt ", form(channels=0)), chunk(b"data", PCM)), "claims 0 channels"),
        (riff(chunk(b"fmt ", form(channels=65)), chunk(b"data", PCM)), "claims 65 channels"),
        (riff(chunk(b"fmt ", form(rate=0)), chunk(b"data", PCM)), "a sample rate of 0 Hz"),
        (riff(chunk(b"fmt ", form(rate=3_999)), chunk(b"data", PCM)), "a sample rate of 3999 Hz"),
        (riff(chunk(b"fmt ", form(rate=2**32 - 1)), chunk(b"data", PCM)), "of 4294967295 Hz"),
        (riff(chunk(b"fmt ", form()), chunk(b"data", b"")), "holds no samples"),
        (riff(chunk(b"fmt ", form()), chunk(b"data", b"1")), "holds no samples"),
        (sound_file(np.zeros(MAX_SECONDS * 8_000 + 1_600), 8_000), "is 120.2 seconds long"),
        (sound_file(np.array([0.0, np.nan]), subtype="FLOAT"), "are not finite numbers"),
        (sound_file(np.array([0.0, -np.inf]), 44_100, "DOUBLE"), "are not finite numbers"),
        (sound_file(np.array([0.0, 1e300]), subtype="DOUBLE"), "are not finite numbers"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_each_bad_file_has_its_own_sentence(file, sentence):
    good, bad, also_good, also_bad = errors_of(PLAIN, file, PLAIN, file)
    assert good == also_good == ""
    assert bad == also_bad
    assert bad.startswith("The item ")
    assert sentence in bad


def test_the_length_limit_is_inclusive():
    file = sound_file(np.zeros(MAX_SECONDS * 4_000), 4_000, "PCM_U8")
    assert windows([file]).row_lengths().numpy().tolist() == [124]


def test_decoding_is_limited():
    bytes_a_frame = 64
    sound = bytes(MAX_FILE_SAMPLES + bytes_a_frame)
    file = riff(
        chunk(b"fmt ", form(channels=bytes_a_frame, rate=192_000, bits=8)), chunk(b"data", sound)
    )
    (error,) = errors_of(file)
    assert f"holds more than {MAX_FILE_SAMPLES} samples" in error


def mutated(rng, seeds):
    """A file with a few bytes changed, cut out or put in, most of them in its header."""
    file = bytearray(seeds[rng.integers(len(seeds))])
    for _ in range(rng.integers(1, 4)):
        place = int(rng.integers(64 if rng.random() < 0.7 else len(file) + 1))
        junk = rng.bytes(rng.integers(1, 9))
        extreme = struct.pack("<I", rng.choice([0, 1, 2, 2**15, 2**31 - 1, 2**31, 2**32 - 1]))
        what = rng.integers(5)
        if what == 0:
            file[place : place + len(junk)] = junk
        elif what == 1:
            file[place : place + 4] = extreme
        elif what == 2:
            file[place:place] = junk
        elif what == 3:
            del file[place : place + len(junk)]
        else:
            del file[int(rng.integers(len(file) + 1)) :]
    return bytes(file) if rng.random() < 0.95 else rng.bytes(rng.integers(200))


def test_a_thousand_broken_files_end_in_windows_or_a_refusal():
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def log_mel(audio_bytes):
        return log_mel_from_windows(hear(audio_bytes)[0].values)

    rng = np.random.default_rng(0)
    seeds = [
        sound_file(noise(900, 1 + i % 3), rate, depth, "WAVEX" if i % 2 else "WAV")
        for i, (rate, depth) in enumerate(zip(RATES[::2], DEPTHS, strict=False))
    ]
    before = log_mel(tf.constant(seeds)).numpy()
    heard, refused, peaks = 0, 0, []
    for _ in range(1_000):
        file = mutated(rng, seeds)
        if errors_of(file) == [""]:
            assert np.isfinite(log_mel(tf.constant([file]))).all()
            heard += 1
        else:
            refused += 1
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024)
    assert min(heard, refused) > 100
    assert peaks[-1] - peaks[199] < 30  # MB
    np.testing.assert_array_equal(log_mel(tf.constant(seeds)), before)


@pytest.mark.real_data
def test_odd_files_are_heard_as_by_the_pipeline_or_refused(real_data):
    refused = {}
    for path in sorted((real_data / "odd_audio").rglob("*.wav")):
        (error,) = errors_of(path.read_bytes())
        if error:
            refused[path.name] = error
        else:
            assert_agrees([path.read_bytes()])
    expected = {
        "test-1234Hz-le-1ch-10S-20bit-extra.wav": "1234 Hz",
        "test-44100Hz-2ch-32bit-float-be.wav": "is not a WAV file",
        "test-44100Hz-be-1ch-4bytes.wav": "is not a WAV file",
        "test-8000Hz-be-3ch-5S-24bit.wav": "is not a WAV file",
        "test-44100Hz-le-1ch-4bytes-early-eof-no-data.wav": "has no chunk `data`",
        "test-44100Hz-le-1ch-4bytes-incomplete-chunk.wav": "has no chunk `data`",
        "test-8000Hz-le-1ch-1byte-ulaw.wav": "of coding 7",
        **{f"test-8000Hz-le-3ch-5S-{n}bit.wav": f"with {n} bits" for n in (36, 45, 53, 64)},
    }
    assert refused.keys() == expected.keys()
    assert all(text in refused[name] for name, text in expected.items())


@pytest.mark.real_data
@pytest.mark.parametrize("rate", RATES)
def test_recordings_at_every_rate(real_data, rate):
    files = sorted((real_data / "fsdd" / "recordings").glob("*.wav"))[::150]
    recordings = [soundfile.read(path)[0] for path in files]
    assert_agrees([sound_file(r, rate, "PCM_16") for r in recordings])
