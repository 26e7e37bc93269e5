"""Pictures of sounds for pages: the log-mel as the network sees it."""

import base64

import numpy as np
from matplotlib import colormaps
from PIL import Image

from vggish.networks.log_mel import log_mel_from_windows, windows_from_waveform
from vggish.networks.network import FrontEnd
from vggish.params import NUM_BANDS, STFT_HOP_SAMPLES

_LOWEST, _HIGHEST = np.log(0.01), 3.0
"""Range of log-mel values between the darkest and the brightest colour."""

_ALL_OF_IT = FrontEnd(pads_the_end=True)


def draw_log_mel(samples: np.ndarray) -> Image.Image:
    """Draws the log-mel of a sound: time to the right, pitch upwards.

    Args:
        samples: float32 [n], n >= 1, at 16 kHz in [-1, 1].

    Returns:
        A picture of one pixel for each 10 ms and each band.
    """
    windows = windows_from_waveform(samples[np.newaxis], front_end=_ALL_OF_IT).values
    log_mel = log_mel_from_windows(windows).numpy().reshape(-1, NUM_BANDS)
    log_mel = log_mel[: -(-samples.size // STFT_HOP_SAMPLES)]
    shades = (log_mel.T[::-1] - _LOWEST) / (_HIGHEST - _LOWEST)
    return Image.fromarray(colormaps["magma"](shades.clip(0, 1), bytes=True)[..., :3])


def data_uri(kind: str, content: bytes) -> str:
    """Puts content of a media type into an address, so that a page needs no other file."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
