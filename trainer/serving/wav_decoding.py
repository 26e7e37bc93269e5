"""Decoding WAV files to samples, as TensorFlow graph code.

It uses core TensorFlow operations only, because it is part of the served model. The result equals
that of `vggish.decode` with the clip examples' rounding to 16 bits, so that a served model hears a
file as the pipeline does.

File layouts: "Multimedia Programming Interface and Data Specifications 1.0"
(IBM and Microsoft, 1991), WAVEFORMATEXTENSIBLE (Microsoft, mmreg.h), and RF64 (EBU Tech 3306).
"""

from functools import partial
from typing import NamedTuple

import tensorflow as tf

from trainer.serving.item_faults import ItemFault, first_faults, length_faults, non_finite_fault
from trainer.serving.sinc_resampler import resampled_length, sinc_resample
from vggish import params
from vggish.audio.decoding import MAX_CHANNELS

MIN_WAV_RATE = 4_000  # Hz
MAX_WAV_RATE = 192_000  # Hz
MAX_WAV_CHUNKS = 1_000
"""Maximum number of chunks before the sound; real files have a few."""

MAX_FILE_SAMPLES = 1 << 27
"""Maximum number of samples of a file, over all channels; decoding one takes 12 bytes."""

_PCM, _IEEE_FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE  # `wFormatTag` (mmreg.h).
_SUBFORMAT_TAIL = [0x0000, 0x0000, 0x0010, 0x0080, 0xAA00, 0x3800, 0x719B]
"""Rest of the GUID after the tag, if it stands for a `wFormatTag` (ksmedia.h)."""
_IN_DS64 = 0xFFFFFFFF  # Stands for a larger size, which RF64 has in the chunk `ds64`.
_PCM16_SCALE = 32_768.0


class WavHeaders(NamedTuple):
    """The headers of files, int64 [batch] each except `is_wav`."""

    is_wav: tf.Tensor  # bool [batch]
    fmt: tf.Tensor  # Start of the format; 0 if there is none.
    data: tf.Tensor  # Start of the sound; 0 if there is none.
    tag: tf.Tensor  # `wFormatTag`, or the tag in an extensible format's GUID.
    bits: tf.Tensor
    channels: tf.Tensor
    rate: tf.Tensor
    coding: tf.Tensor  # Index in `_DECODERS`; -1 if there is no decoder.
    frame_bytes: tf.Tensor  # Bytes of one sample of all channels.
    frames: tf.Tensor

    @property
    def lengths(self) -> tf.Tensor:
        """Samples at 16 kHz, int64 [batch]."""
        return resampled_length(self.frames, tf.maximum(self.rate, 1))


def read_wav_headers(files: tf.Tensor, max_samples: int) -> tuple[WavHeaders, tf.Tensor]:
    """Reads the headers of WAV files, and checks what they claim.

    Accepts 8-bit unsigned PCM, 16, 24 and 32-bit signed PCM, and 32 and 64-bit float, with 1 to 64
    channels, at 4 to 192 kHz. If a file holds less sound than it claims, the sound that it holds is
    used.

    Args:
        files: Complete files, string [batch].
        max_samples: Maximum length of a file, in samples at 16 kHz.

    Returns:
        The headers; and a sentence for each file that cannot be decoded, string [batch], empty for
        the others.
    """
    headers = _read_headers(files)
    return headers, first_faults([*_faults(headers), *length_faults(headers.lengths, max_samples)])


def decode_wavs(files: tf.Tensor, headers: WavHeaders) -> tuple[tf.RaggedTensor, tf.Tensor]:
    """Decodes WAV files one after the other, so that memory depends on the longest one.

    Args:
        files: Complete files, string [batch], for which `read_wav_headers` has no fault.
        headers: Their headers.

    Returns:
        Samples at 16 kHz in steps of 16 bits, float32 [batch, n] in [-1, 1), ragged in n; and a
        sentence for each file with samples that are not finite, string [batch], empty for the
        others.
    """
    samples, finite = tf.map_fn(
        lambda file: _decode(*file),
        (
            files,
            headers.data,
            headers.frames * headers.frame_bytes,
            headers.coding,
            headers.channels,
            headers.rate,
        ),
        parallel_iterations=1,
        fn_output_signature=(
            tf.RaggedTensorSpec([None], tf.float32, ragged_rank=0),
            tf.TensorSpec([], tf.bool),
        ),
    )
    # As `pcm16_from_samples` does for clip examples. It matters if a band is near silent: the
    # log-mel of a recording at 8 kHz is typically off by 0.13 somewhere without the rounding;
    # with it, most recordings agree with the pipeline to the bit.
    steps = tf.clip_by_value(tf.round(samples.values * _PCM16_SCALE), -32_768.0, 32_767.0)
    return samples.with_values(steps / _PCM16_SCALE), first_faults([non_finite_fault(finite)])


def _read_headers(files: tf.Tensor) -> WavHeaders:
    size = tf.cast(tf.strings.length(files), tf.int64)
    head = _fields(files, tf.zeros_like(size), 18)
    form = _uint32(head, 0)
    is_rf64 = form == _code(b"RF64")
    is_wav = (is_rf64 | (form == _code(b"RIFF"))) & (_uint32(head, 4) == _code(b"WAVE"))

    fmt, data, claimed = _find_chunks(files, size)
    # `ds64` is the first chunk: its code, its size, the size of the file, the size of the sound.
    ds64 = is_rf64 & (_uint32(head, 6) == _code(b"ds64")) & (claimed == _IN_DS64)
    claimed = tf.where(ds64, _uint32(head, 14) + _uint32(head, 16) * 2**32, claimed)
    # A killed writer leaves such sizes; libsndfile, too, takes the rest of the file.
    unclosed = (claimed == 0) & (_uint32(head, 2) <= 8)
    # A size of eight bytes may overflow to a negative number.
    there = tf.where(unclosed | (claimed < 0), size - data, tf.minimum(claimed, size - data))

    form = _fields(files, fmt, 20)
    tag, channels, rate, bits = form[:, 0], form[:, 1], _uint32(form, 2), form[:, 7]
    known_guid = tf.reduce_all(form[:, 13:20] == _SUBFORMAT_TAIL, axis=1)
    tag = tf.where((tag == _EXTENSIBLE) & known_guid, form[:, 12], tag)
    sample_bytes = (bits + 7) // 8  # Fewer bits fill the upper bits of whole bytes.
    is_pcm = (tag == _PCM) & (bits >= 1) & (bits <= 32)
    is_float = (tag == _IEEE_FLOAT) & ((bits == 32) | (bits == 64))
    coding = tf.where(is_pcm, sample_bytes - 1, tf.where(is_float, 4 + bits // 64, -1))
    frame_bytes = tf.maximum(channels * sample_bytes, 1)
    return WavHeaders(
        is_wav, fmt, data, tag, bits, channels, rate, coding, frame_bytes,
        there // frame_bytes,
    )  # fmt: skip


def _find_chunks(files: tf.Tensor, size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Reads all files chunk by chunk at once, each up to its sound.

    Returns:
        Start of the format, start of the sound (both 0 if there is none), and claimed size of the
        sound, int64 [batch] each.
    """

    def unread(start: tf.Tensor, data: tf.Tensor) -> tf.Tensor:
        return (data == 0) & (start + 8 <= size)

    def read_chunk(
        start: tf.Tensor, fmt: tf.Tensor, data: tf.Tensor, claimed: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        chunk = _fields(files, start, 4)
        code, chunk_size = _uint32(chunk, 0), _uint32(chunk, 2)
        here, body = unread(start, data), start + 8
        fmt = tf.where(here & (code == _code(b"fmt ")) & (chunk_size >= 16), body, fmt)
        is_data = here & (code == _code(b"data"))
        data, claimed = tf.where(is_data, body, data), tf.where(is_data, chunk_size, claimed)
        return tf.where(here, body + chunk_size + chunk_size % 2, start), fmt, data, claimed

    zero = tf.zeros_like(size)
    _, fmt, data, claimed = tf.while_loop(
        lambda start, _fmt, data, _claimed: tf.reduce_any(unread(start, data)),
        read_chunk,
        (zero + 12, zero, zero, zero),
        maximum_iterations=MAX_WAV_CHUNKS,
    )
    return fmt, data, claimed


def _faults(headers: WavHeaders) -> list[ItemFault]:
    """Returns the possible faults of headers, the most basic first."""

    def text(*parts: str | tf.Tensor) -> tf.Tensor:
        return tf.strings.join(
            [part if isinstance(part, str) else tf.strings.as_string(part) for part in parts]
        )

    rates = f"{MIN_WAV_RATE} to {MAX_WAV_RATE} Hz are accepted."
    return [
        (
            ~headers.is_wav,
            lambda: text("is not a WAV file: it does not begin with RIFF or RF64, and WAVE."),
        ),
        (
            headers.data == 0,
            lambda: text("is a WAV file without sound: it has no chunk `data`; export it again."),
        ),
        (
            headers.fmt == 0,
            lambda: text("is a WAV file that has no chunk `fmt ` before `data`; export it again."),
        ),
        (
            headers.coding < 0,
            lambda: text(
                "is a WAV file of coding ", headers.tag, " with ", headers.bits, " bits; PCM (1) "
                "of up to 32 bits and float (3) of 32 or 64 bits are accepted, so convert it.",
            ),
        ),
        (
            (headers.channels < 1) | (headers.channels > MAX_CHANNELS),
            lambda: text(
                "claims ", headers.channels, f" channels; 1 to {MAX_CHANNELS} are accepted."
            ),
        ),
        (
            (headers.rate < MIN_WAV_RATE) | (headers.rate > MAX_WAV_RATE),
            lambda: text("claims a sample rate of ", headers.rate, f" Hz; {rates}"),
        ),
        (
            headers.frames * headers.channels > MAX_FILE_SAMPLES,
            lambda: text(
                f"holds more than {MAX_FILE_SAMPLES} samples over all channels; mix it down to "
                "fewer channels, or cut it."
            ),
        ),
    ]  # fmt: skip


def _decode(
    file: tf.Tensor,
    start: tf.Tensor,
    size: tf.Tensor,
    coding: tf.Tensor,
    channels: tf.Tensor,
    rate: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes one file's sound.

    Returns:
        Samples at 16 kHz, float32 [n], zeros if any is not finite; and whether all are finite.
    """
    sound = tf.strings.substr(file, start, size)
    decoders = [partial(decoder, sound) for decoder in _DECODERS]
    values = tf.switch_case(tf.cast(coding, tf.int32), decoders)
    mono = tf.reduce_mean(tf.reshape(values, tf.stack([-1, channels])), axis=1)
    samples = tf.cond(rate == params.SAMPLE_RATE, lambda: mono, lambda: sinc_resample(mono, rate))
    finite = tf.reduce_all(tf.math.is_finite(samples))
    return tf.where(finite, samples, 0.0), finite


def _read_floats(sound: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    return tf.cast(tf.io.decode_raw(sound, dtype), tf.float32)


def _decode_int24(sound: tf.Tensor) -> tf.Tensor:
    octets = tf.reshape(_read_floats(sound, tf.uint8), [-1, 3])
    unsigned = tf.tensordot(octets, [1.0, 2.0**8, 2.0**16], 1)  # Exact: 24 bits fit a float32.
    return tf.where(unsigned < 2.0**23, unsigned, unsigned - 2.0**24) / 2.0**23


_DECODERS = (
    lambda sound: (_read_floats(sound, tf.uint8) - 128.0) / 128.0,
    lambda sound: _read_floats(sound, tf.int16) / _PCM16_SCALE,
    _decode_int24,
    lambda sound: _read_floats(sound, tf.int32) / 2.0**31,
    lambda sound: _read_floats(sound, tf.float32),
    lambda sound: _read_floats(sound, tf.float64),
)


def _code(name: bytes) -> int:
    """Returns a chunk's name as `_uint32` reads it."""
    return int.from_bytes(name, "little")


def _fields(files: tf.Tensor, start: tf.Tensor, count: int) -> tf.Tensor:
    """Reads fields of two bytes, int64 [batch, count]; fields after a file's end are 0."""
    start = tf.minimum(start, tf.cast(tf.strings.length(files), tf.int64))
    read = tf.strings.substr(
        files, start, tf.fill(tf.shape(start), tf.constant(2 * count, tf.int64))
    )
    return tf.cast(tf.io.decode_raw(read, tf.uint16, fixed_length=2 * count), tf.int64)


def _uint32(fields: tf.Tensor, place: int) -> tf.Tensor:
    return fields[:, place] + fields[:, place + 1] * 2**16
