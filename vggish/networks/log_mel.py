"""From samples to log-mel windows, as TensorFlow graph code.

It uses only core TensorFlow operations, so that the same code runs in eager code, in
`tf.function`, in TensorFlow Transform's graph and in a served model. The reference computes frames
over the whole clip and then cuts them into windows (vggish_input.py); cutting the samples first
gives the same frames, since a window's hop is a whole number of frames.
"""

import math
from collections.abc import Callable, Sequence

import tensorflow as tf

from vggish import params
from vggish.networks.network import FrontEnd
from vggish.networks.vggish_network import VGGISH
from vggish.networks.window_batches import map_batches

_WINDOWS_A_BATCH = 256


def windows_from_pcm16(pcm: tf.Tensor, front_end: FrontEnd = VGGISH.front_end) -> tf.RaggedTensor:
    """Cuts 16-bit clips into windows.

    Clips are joined end to end, so memory depends on all samples, not on the longest clip.

    Args:
        pcm: string [batch], each signed 16-bit little-endian PCM, mono at 16 kHz.
        front_end: Front end of the network.

    Returns:
        float32 [batch, n, 15600] in [-1, 1), ragged in n >= 1: every whole window of a clip, or one
        zero-padded window of a shorter clip; if the front end pads the end, also the zero-padded
        window of what is left.
    """
    unit = _unit(front_end)
    lengths = tf.strings.length(pcm) // 2
    padded = _padded_lengths(lengths, front_end)
    silence = tf.constant(b"\0" * (2 * max(params.WINDOW_SAMPLES, front_end.hop_samples)))
    whole = tf.strings.join(
        [
            tf.strings.substr(pcm, tf.zeros_like(lengths), 2 * lengths),
            tf.strings.substr(
                tf.fill(tf.shape(pcm), silence), tf.zeros_like(lengths), 2 * (padded - lengths)
            ),
        ]
    )
    samples = tf.io.decode_raw(tf.strings.reduce_join(whole), tf.int16, little_endian=True)
    rows = tf.reshape(tf.cast(samples, tf.float32) / 32_768.0, [-1, unit])
    row_starts = tf.cumsum(padded // unit, exclusive=True)
    return _gather_windows(rows, row_starts, lengths, front_end)


def windows_from_waveform(
    waveform: tf.Tensor,
    lengths: tf.Tensor | None = None,
    front_end: FrontEnd = VGGISH.front_end,
) -> tf.RaggedTensor:
    """Cuts a batch of waveforms into windows.

    Args:
        waveform: float32 or float64 [batch, samples], mono at 16 kHz in [-1, 1].
        lengths: int [batch], number of samples of each clip; the rest of a row is ignored. None
            means all.
        front_end: Front end of the network.

    Returns:
        The same type, [batch, n, 15600], ragged in n >= 1, as `windows_from_pcm16`.
    """
    unit = _unit(front_end)
    batch, samples = tf.unstack(tf.shape(waveform))
    if lengths is None:
        lengths = tf.fill([batch], samples)
    lengths = tf.minimum(tf.cast(lengths, tf.int32), samples)
    waveform = tf.where(tf.sequence_mask(lengths, samples), waveform, tf.zeros_like(waveform))
    padded = _padded_lengths(samples, front_end)
    rows = tf.reshape(tf.pad(waveform, [[0, 0], [0, padded - samples]]), [-1, unit])
    row_starts = tf.range(batch) * (padded // unit)
    return _gather_windows(rows, row_starts, lengths, front_end)


def map_windows(
    compute: Callable[[tf.Tensor], tf.Tensor],
    waveforms: tf.RaggedTensor,
    shape: Sequence[int],
    front_end: FrontEnd = VGGISH.front_end,
) -> tf.RaggedTensor:
    """Computes something of every window of clips of different lengths.

    Only one batch of windows is cut at a time, since windows that overlap need many times the
    memory of their clip.

    Args:
        compute: Takes windows, [b, 15600], and returns float32 [b, *shape].
        waveforms: float32 or float64 [batch, n], ragged in n, mono at 16 kHz in [-1, 1].
        shape: Shape of what is computed of one window.
        front_end: Front end of the network.

    Returns:
        float32 [batch, n, *shape], ragged in n >= 1, for the windows of `windows_from_pcm16`.
    """
    unit = _unit(front_end)
    lengths = waveforms.row_lengths()
    padded = _padded_lengths(lengths, front_end)
    rest = padded - lengths
    silence = tf.zeros([tf.reduce_sum(rest)], waveforms.dtype)
    whole = tf.concat([waveforms, tf.RaggedTensor.from_row_lengths(silence, rest)], axis=1)
    rows = tf.reshape(whole.values, [-1, unit])
    row_starts = tf.cumsum(padded // unit, exclusive=True)
    starts = _window_starts(row_starts, lengths, front_end)
    computed = map_batches(lambda some: compute(_cut(rows, some)), starts.values, shape)
    return starts.with_values(computed)


def num_windows(lengths: tf.Tensor, front_end: FrontEnd = VGGISH.front_end) -> tf.Tensor:
    """Counts the windows of clips.

    Args:
        lengths: int [...], samples of each clip.
        front_end: Front end of the network.

    Returns:
        The same shape and type: windows as `windows_from_pcm16` cuts them, at least 1.
    """
    rest = tf.maximum(lengths - params.WINDOW_SAMPLES, 0)
    hop = front_end.hop_samples
    return 1 + (-(-rest // hop) if front_end.pads_the_end else rest // hop)


def num_real_frames(lengths: tf.Tensor, front_end: FrontEnd = VGGISH.front_end) -> tf.Tensor:
    """Counts the 10 ms frames of a clip's windows that start inside the clip, not in padding.

    Args:
        lengths: int [...], samples of each clip.
        front_end: Front end of the network.

    Returns:
        The same shape and type: 1 to 96 for a clip of one window; for a longer one, all frames
        from the start of its first window to the end of its last.
    """
    hops = num_windows(lengths, front_end) - 1
    covered = hops * front_end.hop_samples + params.WINDOW_HOP_SAMPLES
    return -(-tf.minimum(lengths, covered) // params.STFT_HOP_SAMPLES)


def log_mel_from_windows(windows: tf.Tensor, front_end: FrontEnd = VGGISH.front_end) -> tf.Tensor:
    """Computes stabilized log-mel spectrograms.

    25 ms periodic Hann windows every 10 ms, magnitudes of a 512-point transform, 64 HTK mel bands
    from 125 to 7500 Hz, natural logarithm of the sum of mel and an offset: `mel_features.py` of
    VGGish's reference, and `features.py` of YAMNet's.

    Computed in the precision of the input. float64 agrees with the reference, which computes in
    float64, to 1e-6; float32 agrees to 1e-3 and is four times as fast.

    Args:
        windows: float32 or float64 [w, 15600], samples in [-1, 1].
        front_end: Front end of the network.

    Returns:
        float32 [w, 96, 64]: frames of 10 ms, mel bands from low to high.
    """
    frames = tf.signal.frame(windows, params.STFT_WINDOW_SAMPLES, params.STFT_HOP_SAMPLES)
    hann = tf.signal.hann_window(params.STFT_WINDOW_SAMPLES, periodic=True, dtype=windows.dtype)
    # Padded here, since the transform does not pad an empty batch and then fails.
    padding = params.STFT_FFT_LENGTH - params.STFT_WINDOW_SAMPLES
    magnitudes = tf.abs(tf.signal.rfft(tf.pad(frames * hann, [[0, 0], [0, 0], [0, padding]])))
    mel_weights = tf.signal.linear_to_mel_weight_matrix(
        params.NUM_BANDS,
        params.STFT_BINS,
        params.SAMPLE_RATE,
        params.MEL_MIN_HZ,
        params.MEL_MAX_HZ,
        dtype=tf.float64,  # The differences of near mel frequencies lose three digits in float32.
    )
    mel = tf.tensordot(magnitudes, tf.cast(mel_weights, magnitudes.dtype), 1)
    return tf.ensure_shape(
        tf.cast(tf.math.log(mel + front_end.log_offset), tf.float32),
        [None, params.NUM_FRAMES, params.NUM_BANDS],
    )


def log_mel(windows: tf.RaggedTensor, front_end: FrontEnd = VGGISH.front_end) -> tf.RaggedTensor:
    """Computes the log-mel spectrograms of ragged windows.

    A few hundred windows at a time, since spectra need many times the memory of the result.

    Args:
        windows: float32 or float64 [batch, n, 15600], ragged in n.
        front_end: Front end of the network.

    Returns:
        float32 [batch, n, 96, 64], ragged only in n.
    """
    spectrograms = map_batches(
        lambda some: log_mel_from_windows(some, front_end),
        windows.values,
        [params.NUM_FRAMES, params.NUM_BANDS],
        batch_size=_WINDOWS_A_BATCH,
    )
    return windows.with_values(spectrograms)


def _unit(front_end: FrontEnd) -> int:
    """Returns the greatest common divisor of a window and a hop, in samples."""
    return math.gcd(front_end.hop_samples, params.WINDOW_SAMPLES)


def _padded_lengths(lengths: tf.Tensor, front_end: FrontEnd) -> tf.Tensor:
    """Returns the lengths of clips with silence up to a whole unit and to all of their windows."""
    unit = _unit(front_end)
    hops = num_windows(lengths, front_end) - 1
    windows = params.WINDOW_SAMPLES + hops * front_end.hop_samples
    return tf.maximum(-(-lengths // unit) * unit, windows)


def _gather_windows(
    rows: tf.Tensor, row_starts: tf.Tensor, lengths: tf.Tensor, front_end: FrontEnd
) -> tf.RaggedTensor:
    """Collects the windows of all clips from rows of one unit."""
    starts = _window_starts(row_starts, lengths, front_end)
    return starts.with_values(_cut(rows, starts.values))


def _window_starts(
    row_starts: tf.Tensor, lengths: tf.Tensor, front_end: FrontEnd
) -> tf.RaggedTensor:
    """Returns the first row of every window, int [batch, n], ragged in n."""
    counts = num_windows(lengths, front_end)
    nth = tf.ragged.range(counts)
    rows_a_hop = front_end.hop_samples // _unit(front_end)
    starts = tf.gather(row_starts, nth.value_rowids()) + nth.values * rows_a_hop
    return tf.RaggedTensor.from_row_lengths(starts, tf.cast(counts, tf.int64))


def _cut(rows: tf.Tensor, starts: tf.Tensor) -> tf.Tensor:
    """Cuts windows, [w, 15600], out of rows.

    Rows are much faster to gather than samples, since whole runs are copied.
    """
    offsets = tf.range(params.WINDOW_SAMPLES // rows.shape[1], dtype=starts.dtype)
    windows = tf.gather(rows, starts[:, tf.newaxis] + offsets)
    return tf.reshape(windows, [-1, params.WINDOW_SAMPLES])
