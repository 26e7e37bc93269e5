"""What changes a training clip every time it is heard, as TensorFlow graph code.

Everything is drawn from a seed that is given, so that the same seed changes a clip in the same way,
whatever runs beside it.
"""

import math
from collections.abc import Callable

import tensorflow as tf
import tensorflow_io as tfio

from vggish import params

SILENCE = math.log(params.LOG_OFFSET)
"""The log-mel value of digital silence."""

_SILENT_POWER = 1e-10  # -100 dB of full scale, below the last of 16 bits.
_MASKS = 4096


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


class SpectrogramMasks:
    """Silences a run of frames and a run of mel bands in every window (SpecAugment).

    After Park et al. (2019), arXiv 1904.08779, with tensorflow-io's masks. These put noughts, which
    are louder than most sounds on the scale of log-mel; so they mask ones, and where these are gone
    a window gets the value of silence. They also keep a random state of their own, which cannot be
    set to where an interrupted training left it; so they are drawn beforehand, some thousands of
    either kind, and a window's seed chooses among them.

    Args:
        frames: How many of the 96 frames, at most; 0 for none.
        bands: How many of the 64 bands, at most; 0 for none.
        seed: Of the masks that are drawn.
    """

    def __init__(self, frames: int, bands: int, seed: int):
        tf.random.set_seed(seed)  # The masks take no other seed.
        # A mask's width stays below its parameter, and its end before the last frame or band.
        frame = tf.ones([params.NUM_FRAMES + 1, 1])
        band = tf.ones([1, params.NUM_BANDS + 1])
        self._frames = _draw(lambda: tfio.audio.time_mask(frame, frames + 1)[:-1])
        self._bands = _draw(lambda: tfio.audio.freq_mask(band, bands + 1)[:, :-1])

    def __call__(self, log_mel: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Masks windows.

        Args:
            log_mel: float32 [batch, n, 96, 64].
            seed: int [2].

        Returns:
            float32 [batch, n, 96, 64].
        """
        seeds = tf.random.experimental.stateless_split(seed, 2)
        shape = tf.shape(log_mel)[:2]
        frames, bands = (
            tf.gather(kept, tf.random.stateless_uniform(shape, of_kind, 0, _MASKS, tf.int32))
            for kept, of_kind in ((self._frames, seeds[0]), (self._bands, seeds[1]))
        )
        return tf.where(frames & bands, log_mel, SILENCE)


def _draw(mask: Callable[[], tf.Tensor]) -> tf.Tensor:
    """Draws masks, bool [masks, ...]: True where something is kept."""
    drawn = tf.data.Dataset.range(_MASKS).map(lambda _: mask() > 0).batch(_MASKS)
    return drawn.get_single_element()
