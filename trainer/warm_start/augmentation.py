"""What changes a training clip every time it is heard, as TensorFlow graph code.

Everything is drawn from a seed that is given, so that the same seed changes a clip in the same way,
whatever runs beside it.
"""

import math

import tensorflow as tf

from vggish import params

SILENCE = math.log(params.LOG_OFFSET)
"""The log-mel value of digital silence."""

_SILENT_POWER = 1e-10  # -100 dB of full scale, below the last of 16 bits.


def shift(waveform: tf.Tensor, most: int, seed: tf.Tensor) -> tf.Tensor:
    """Moves a clip in time.

    What leaves at one end is lost and silence enters at the other, as where a recorder is started
    sooner or later; turning the clip round would make a seam that no recording has.

    Args:
        waveform: float32 [samples].
        most: How many samples earlier or later, at most.
        seed: int [2].

    Returns:
        float32 [samples].
    """
    offset = tf.random.stateless_uniform([], seed, 0, 2 * most + 1, tf.int32)
    return tf.pad(waveform, [[most, most]])[offset : offset + tf.size(waveform)]


def stretch_of(noise: tf.Tensor, length: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws a stretch of noise.

    The noise goes round in a circle, so that a stretch may be longer than all of it.

    Args:
        noise: int16 [samples], with at least one sample: noise sounds, end to end.
        length: How many samples to draw.
        seed: int [2].

    Returns:
        float32 [length] in [-1, 1).
    """
    total = tf.size(noise)
    start = tf.random.stateless_uniform([], seed, 0, total, tf.int32)
    stretch = tf.gather(noise, (start + tf.range(length)) % total)
    return tf.cast(stretch, tf.float32) / 32_768.0


def mix_at(waveform: tf.Tensor, noise: tf.Tensor, decibels: tf.Tensor) -> tf.Tensor:
    """Mixes noise into a clip at a signal-to-noise ratio.

    Args:
        waveform: float32 [samples].
        noise: float32 [samples].
        decibels: From the power of the noise up to that of the clip, over all samples.

    Returns:
        float32 [samples], the clip as loud as it was; where either is digital silence there is no
        such ratio, and the clip is returned as it is.
    """
    power = tf.reduce_mean(tf.square(waveform))
    noise_power = tf.reduce_mean(tf.square(noise))
    gain = tf.sqrt(tf.math.divide_no_nan(power, noise_power)) * 10.0 ** (-decibels / 20.0)
    audible = tf.minimum(power, noise_power) > _SILENT_POWER
    return waveform + tf.where(audible, gain, 0.0) * noise


def mask_spectrogram(log_mel: tf.Tensor, frames: int, bands: int, seed: tf.Tensor) -> tf.Tensor:
    """Silences a run of frames and a run of mel bands in every window (SpecAugment).

    After Park et al. (2019), arXiv 1904.08779. What is masked gets the value of silence: on the
    scale of log-mel, zero is louder than most sounds.

    Args:
        log_mel: float32 [batch, n, 96, 64].
        frames: How many of the 96 frames, at most; 0 for none.
        bands: How many of the 64 bands, at most; 0 for none.
        seed: int [2].

    Returns:
        float32 [batch, n, 96, 64].
    """
    of_frames, of_bands = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    windows = tf.shape(log_mel)[:2]
    kept_frames = _outside_a_run(windows, params.NUM_FRAMES, frames, of_frames)
    kept_bands = _outside_a_run(windows, params.NUM_BANDS, bands, of_bands)
    return tf.where(kept_frames[..., None] & kept_bands[..., None, :], log_mel, SILENCE)


def _outside_a_run(shape: tf.Tensor, length: int, widest: int, seed: tf.Tensor) -> tf.Tensor:
    """Draws bool [*shape, length]: False in one run, of any width from 0 to `widest`, anywhere."""
    of_width, of_start = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    width = tf.random.stateless_uniform(shape, of_width, 0, widest + 1, tf.int32)
    share = tf.random.stateless_uniform(shape, of_start)
    start = tf.cast(share * tf.cast(length - width + 1, tf.float32), tf.int32)
    place = tf.range(length)
    return (place < start[..., None]) | (place >= (start + width)[..., None])
