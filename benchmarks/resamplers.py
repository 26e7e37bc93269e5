"""The cost of each resampler in time, and its effect on the features of the network.

Usage: python benchmarks/resamplers.py [FOLDER] [--checkpoint CKPT] [--features NAME]

Without a folder, it synthesizes sounds at common rates. Prints one Markdown row per source rate.
The difference of two feature vectors is the length of their difference divided by their length. For
scale, the last column has the difference that one 16-bit rounding of the resampled sound makes.
"""

import argparse
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import soundfile

from vggish.audio.decoding import RESAMPLERS, pcm16_from_samples, resample, samples_from_pcm16
from vggish.audio.sound_files import find_files
from vggish.embedding.embedder import Embedder
from vggish.weights.checkpoint import resolve

RATES = (8_000, 22_050, 44_100, 48_000, 96_000)
CLIPS_A_RATE = 20
CLIP_SECONDS = 5.0


def synthesize_sounds() -> dict[int, list[np.ndarray]]:
    """Pink noise with decaying harmonic tones: energy at every frequency up to half the rate."""
    rng = np.random.default_rng(0)
    return {rate: [_made_sound(rate, rng) for _ in range(CLIPS_A_RATE)] for rate in RATES}


def _made_sound(rate: int, rng: np.random.Generator) -> np.ndarray:
    count = int(rate * CLIP_SECONDS)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(spectrum.size), 1)), count)
    seconds = np.arange(count) / rate
    pitch = rng.uniform(80, 800)
    harmonics = [
        np.sin(2 * np.pi * pitch * k * seconds) / k for k in range(1, 40) if pitch * k < rate / 2
    ]
    tone = np.sum(harmonics, axis=0) * np.exp(-3 * (seconds % 1.0))
    sound = noise / np.abs(noise).max() + tone / np.abs(tone).max()
    return (0.9 * sound / np.abs(sound).max()).astype(np.float32)


def read_sounds(folder: Path) -> dict[int, list[np.ndarray]]:
    """Reads the files of a folder that are not at 16 kHz, by their rate."""
    sounds: dict[int, list[np.ndarray]] = defaultdict(list)
    for path in find_files([str(folder)]):
        try:
            samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError:
            continue
        if rate != 16_000 and len(samples):
            sounds[rate].append(samples.mean(axis=1))
    return dict(sorted(sounds.items()))


def relative_distance(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Relative distance of each row."""
    return np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)


def compare_resamplers(rate: int, sounds: list[np.ndarray], embedder: Embedder) -> str:
    """Resamples the sounds with each resampler; returns a row of the table."""
    seconds = sum(map(len, sounds)) / rate
    vectors, milliseconds = {}, {}
    for name in RESAMPLERS:
        resample(sounds[0], rate, name)  # Which imports and compiles it.
        start = time.perf_counter()
        resampled = [resample(sound, rate, name) for sound in sounds]
        milliseconds[name] = 1_000 * (time.perf_counter() - start) / seconds
        vectors[name] = _embed(embedder, resampled)
    rounded = [samples_from_pcm16(pcm16_from_samples(samples)) for samples in resampled]
    between = relative_distance(vectors["soxr"], vectors["resampy"])
    rounding = relative_distance(_embed(embedder, rounded), vectors["soxr"])
    return (
        f"| {rate:,} | {len(sounds):,} | {seconds:,.0f} | {milliseconds['resampy']:.2f} "
        f"| {milliseconds['soxr']:.3f} | {np.median(between):.1e} | {between.max():.1e} "
        f"| {np.median(rounding):.1e} |"
    )


def _embed(embedder: Embedder, sounds: list[np.ndarray]) -> np.ndarray:
    # Lengths may differ by a sample, and windows with them.
    return np.stack([vectors[0] for _, vectors in embedder.embed(enumerate(sounds))])


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--checkpoint", default="random")
    parser.add_argument("--features", default="embedding")
    arguments = parser.parse_args()
    sounds = read_sounds(arguments.folder) if arguments.folder else synthesize_sounds()
    weights, origin = resolve(arguments.checkpoint)
    embedder = Embedder(arguments.features, weights)
    print(f"Features: {arguments.features}; weights: {origin}.\n")
    columns = (
        "source Hz", "clips", "seconds", "resampy, ms a second of sound", "soxr, ms",
        "difference, median", "largest", "of 16-bit rounding",
    )  # fmt: skip
    print(f"| {' | '.join(columns)} |\n|{'---:|' * len(columns)}")
    for rate, group in sounds.items():
        print(compare_resamplers(rate, group, embedder), flush=True)


if __name__ == "__main__":
    main()
