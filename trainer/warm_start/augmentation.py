"""Random changes of training clips, as TensorFlow graph code.

Everything is drawn from a given seed, so that the same seed always changes a clip in the same way.
"""

import tensorflow as tf

from vggish import params

_SILENT_POWER = 1e-10  # -100 dB of full scale, below the last of 16 bits.


def shift_in_time(waveform: tf.Tensor, most: int, seed: tf.Tensor) -> tf.Tensor:
    """Shifts a clip in time.

    Samples leave at one end, and silence enters at the other, as if the recorder had started
    earlier or later. Wrapping around would make a seam that no recording has.

    Args:
        waveform: float32 [samples].
        most: Maximum shift in either direction, in samples.
        seed: int [2].

    Returns:
        float32 [samples].
    """
    offset = tf.random.stateless_uniform([], seed, 0, 2 * most + 1, tf.int32)
    return tf.pad(waveform, [[most, most]])[offset : offset + tf.size(waveform)]


def draw_noise(noise: tf.Tensor, length: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws a random stretch of noise.

    The noise wraps around, so a stretch may be longer than all noise.

    Args:
        noise: Noise sounds, end to end, int16 [samples], with at least one sample.
        length: Number of samples to draw.
        seed: int [2].

    Returns:
        float32 [length] in [-1, 1).
    """
    total = tf.size(noise)
    start = tf.random.stateless_uniform([], seed, 0, total, tf.int32)
    stretch = tf.gather(noise, (start + tf.range(length)) % total)
    return tf.cast(stretch, tf.float32) / 32_768.0


def mix_at_snr(waveform: tf.Tensor, noise: tf.Tensor, decibels: tf.Tensor) -> tf.Tensor:
    """Mixes noise into a clip at a signal-to-noise ratio.

    Args:
        waveform: float32 [samples].
        noise: float32 [samples].
        decibels: Signal-to-noise ratio: power of the clip over power of the noise, in dB.

    Returns:
        float32 [samples]: the clip with its loudness unchanged, plus scaled noise. If the clip or
        the noise is digital silence, the clip is returned unchanged.
    """
    power = tf.reduce_mean(tf.square(waveform))
    noise_power = tf.reduce_mean(tf.square(noise))
    gain = tf.sqrt(tf.math.divide_no_nan(power, noise_power)) * 10.0 ** (-decibels / 20.0)
    audible = tf.minimum(power, noise_power) > _SILENT_POWER
    return waveform + tf.where(audible, gain, 0.0) * noise


def mask_spectrogram(
    log_mel: tf.Tensor, frames: int, bands: int, seed: tf.Tensor, silence: float
) -> tf.Tensor:
    """Silences a run of frames and a run of mel bands in every window (SpecAugment).

    After Park et al. (2019), arXiv:1904.08779. Masked values become silence; on the log-mel scale,
    0 is louder than most sounds.

    Args:
        log_mel: float32 [batch, n, 96, 64].
        frames: Maximum number of masked frames, of 96.
        bands: Maximum number of masked bands, of 64.
        seed: int [2].
        silence: Log-mel value of digital silence.

    Returns:
        float32 [batch, n, 96, 64].
    """
    of_frames, of_bands = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    windows = tf.shape(log_mel)[:2]
    kept_frames = _outside_a_run(windows, params.NUM_FRAMES, frames, of_frames)
    kept_bands = _outside_a_run(windows, params.NUM_BANDS, bands, of_bands)
    return tf.where(kept_frames[..., None] & kept_bands[..., None, :], log_mel, silence)


def _outside_a_run(shape: tf.Tensor, length: int, widest: int, seed: tf.Tensor) -> tf.Tensor:
    """Draws bool [*shape, length]: False in one random run of 0 to `widest` values."""
    of_width, of_start = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    width = tf.random.stateless_uniform(shape, of_width, 0, widest + 1, tf.int32)
    share = tf.random.stateless_uniform(shape, of_start)
    start = tf.cast(share * tf.cast(length - width + 1, tf.float32), tf.int32)
    place = tf.range(length)
    return (place < start[..., None]) | (place >= (start + width)[..., None])
