"""Sounds that FFmpeg and libsndfile encode, in memory."""

import io

import av
import numpy as np
import soundfile


def tone(rate: int, seconds: float, channels: int = 1) -> np.ndarray:
    """A 440 Hz tone of amplitude 0.5 in the first channel and 0 elsewhere."""
    samples = np.zeros((channels, int(rate * seconds)), np.float32)
    samples[0] = 0.5 * np.sin(2 * np.pi * 440 * np.arange(samples.shape[1]) / rate)
    return samples


def encoded(
    container: str,
    codec: str,
    rate: int,
    channels: int = 1,
    seconds: float = 1.0,
    noise: float = 0.0,
    **options: str,
) -> io.BytesIO:
    """The tone, with a little seeded noise if it is not to be coded in a few bytes."""
    samples = tone(rate, seconds, channels)
    samples += np.random.default_rng(0).normal(0, noise, samples.shape).astype(np.float32)
    layout = "stereo" if channels == 2 else "mono"
    file = io.BytesIO()
    with av.open(file, "w", format=container, options=options) as output:
        stream = output.add_stream(codec, rate=rate, layout=layout)
        if codec not in ("flac", "wavpack", "tta", "libopus"):
            stream.bit_rate = 96_000
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
        frame.sample_rate = rate
        frame.pts = 0
        resampler = av.AudioResampler(format=stream.codec_context.format, rate=rate)
        for part in resampler.resample(frame):
            for packet in stream.encode(part):
                output.mux(packet)
        for packet in stream.encode(None):
            output.mux(packet)
    file.seek(0)
    return file


def written(format: str, subtype: str, rate: int, seconds: float, noise: float) -> io.BytesIO:
    """The same as libsndfile writes it."""
    samples = tone(rate, seconds)[0]
    samples += np.random.default_rng(0).normal(0, noise, samples.shape).astype(np.float32)
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=format, subtype=subtype)
    file.seek(0)
    return file
