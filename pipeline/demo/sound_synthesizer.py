"""Synthesizes the demo's data, a small labelled sound set, from a seed.

Every sound is synthesized from a few lines of textbook recipes (decaying partials for a bell, a
swept tone for a siren, shaped noise for rain), with pitch, timing, level, length and background
noise drawn at random, so that no two clips of a class are alike. A few files are broken on purpose,
as in every real collection, to show how a run refuses them.
"""

import hashlib
import json
import shutil
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from vggish.errors import VggishError

Samples = npt.NDArray[np.float64]

SHORTEST_SECONDS = 0.4
LONGEST_SECONDS = 3.0

# Most clips need no resampling; the rest have other common rates.
_RATES = (16_000, 11_025, 22_050, 44_100, 48_000)
_RATE_WEIGHTS = (0.6, 0.1, 0.1, 0.1, 0.1)
_ENCODINGS = ("PCM_16", "PCM_24", "PCM_32", "PCM_U8")
_ENCODING_WEIGHTS = (0.7, 0.1, 0.1, 0.1)
_STEREO_SHARE = 0.2

# Hidden, so that no source lists it as a sound.
_MARKER = ".sound_set.json"


@dataclass(frozen=True)
class _Take:
    """One clip to synthesize: its length, its rate and its random generator."""

    size: int
    rate: int
    rng: np.random.Generator

    @property
    def times(self) -> Samples:
        """The time of each sample, in seconds since the start."""
        return np.arange(self.size) / self.rate

    def within(self, seconds: float) -> "_Take":
        """Returns a shorter take for one event inside this one."""
        return _Take(round(seconds * self.rate), self.rate, self.rng)

    def tone(self, frequency: Samples | float, partials: Mapping[float, float]) -> Samples:
        """Sums sines at multiples of a frequency in Hz, without those that would alias.

        Args:
            frequency: A constant, or one value per sample.
            partials: Amplitude by multiple of the frequency.
        """
        course = np.broadcast_to(frequency, self.size)
        phase = 2 * np.pi * np.cumsum(course) / self.rate
        sound = np.zeros(self.size)
        for multiple, amplitude in partials.items():
            audible = course * multiple < 0.45 * self.rate
            start = self.rng.uniform(0, 2 * np.pi)
            sound += amplitude * audible * np.sin(multiple * phase + start)
        return sound

    def noise(self, low: float, high: float, slope: float) -> Samples:
        """Makes Gaussian noise of unit power between two frequencies in Hz.

        Args:
            low: The lower edge.
            high: The upper edge.
            slope: The exponent of the amplitude over frequency; 0 white, -0.5 pink, -1 red.
        """
        size = 1 << (self.size - 1).bit_length()  # Other lengths transform far slower.
        spectrum = np.fft.rfft(self.rng.standard_normal(size))
        frequencies = np.fft.rfftfreq(size, 1 / self.rate)
        inside = (frequencies >= low) & (frequencies <= high)
        gain = np.where(inside, np.maximum(frequencies, 1.0) ** slope, 0.0)
        sound = np.fft.irfft(spectrum * gain)[: self.size]
        power = np.mean(sound**2)
        return sound / np.sqrt(power) if power > 0 else sound

    def repeat(self, gap: float, event: Callable[[], Samples]) -> Samples:
        """Repeats an event about every `gap` seconds, first within 0.1 s."""
        sound = np.zeros(self.size)
        start = int(self.rng.uniform(0, 0.1) * self.rate)
        while start < self.size:
            piece = event()[: self.size - start]
            sound[start : start + piece.size] += piece
            start += round(gap * self.rng.uniform(0.9, 1.1) * self.rate)
        return sound


def _alarm_beeps(take: _Take) -> Samples:
    pitch = take.rng.uniform(1_400, 2_400)
    gap = take.rng.uniform(0.2, 0.45)
    beep = take.within(gap / 2)
    return take.repeat(gap, lambda: beep.tone(pitch, {1: 1.0, 3: 0.3}))


def _bell(take: _Take) -> Samples:
    # A church bell's partials, from hum to upper octaves, against the strike note.
    ratios = (0.5, 1.0, 1.2, 1.5, 2.0, 2.7, 3.0, 4.1)
    pitch = take.rng.uniform(300, 900)
    stroke = take.within(2.0)

    def strike() -> Samples:
        sound = np.zeros(stroke.size)
        for ratio in ratios:
            decay = stroke.rng.uniform(0.5, 1.0) / ratio
            amplitude = stroke.rng.uniform(0.4, 1.0)
            sound += stroke.tone(pitch, {ratio: amplitude}) * np.exp(-stroke.times / decay)
        return sound

    return take.repeat(take.rng.uniform(0.8, 1.6), strike)


def _bird_chirps(take: _Take) -> Samples:
    low = take.rng.uniform(2_200, 3_200)
    rising = take.rng.random() < 0.5

    def chirp() -> Samples:
        note = take.within(take.rng.uniform(0.05, 0.12))
        course = low + take.rng.uniform(800, 1_600) * np.linspace(0, 1, note.size)
        return note.tone(course if rising else course[::-1], {1: 1.0}) * np.hanning(note.size)

    return take.repeat(take.rng.uniform(0.12, 0.25), chirp)


def _clock_ticks(take: _Take) -> Samples:
    pitch = take.rng.uniform(2_000, 4_000)
    tick = take.within(0.03)

    def click() -> Samples:
        body = tick.tone(pitch, {1: 1.0}) + tick.noise(1_000, 5_000, 0.0)
        return body * np.exp(-tick.times / 0.004)

    return take.repeat(take.rng.uniform(0.2, 0.5), click)


def _door_knocks(take: _Take) -> Samples:
    pitch = take.rng.uniform(110, 260)
    knock = take.within(0.2)

    def hit() -> Samples:
        wood = knock.tone(pitch, {1: 1.0, 2.3: 0.5}) * np.exp(-knock.times / 0.035)
        return wood + 0.5 * knock.noise(80, 1_200, -0.5) * np.exp(-knock.times / 0.012)

    return take.repeat(take.rng.uniform(0.15, 0.35), hit)


def _engine(take: _Take) -> Samples:
    firing = take.rng.uniform(40, 100)
    wobble = 1 + 0.03 * np.sin(2 * np.pi * take.rng.uniform(0.5, 3) * take.times)
    partials = {float(k): take.rng.uniform(0.4, 1.0) / k**0.7 for k in range(1, 25)}
    return take.tone(firing * wobble, partials) + 0.2 * take.noise(50, 1_500, -0.5)


def _phone_ringing(take: _Take) -> Samples:
    pitch = take.rng.uniform(800, 1_200)
    # A hammer between two bells of a mechanical telephone: a trill of about twenty hits a second.
    trill = np.sin(2 * np.pi * take.rng.uniform(16, 24) * take.times)
    bells = {1: 1.0, 2.1: 0.6, 3.4: 0.4}
    first = take.tone(pitch, bells) * np.clip(trill, 0, None)
    second = take.tone(1.26 * pitch, bells) * np.clip(-trill, 0, None)
    return first + second


def _rain(take: _Take) -> Samples:
    drop = take.within(0.006)
    fade = np.exp(-drop.times / 0.0015)
    drops = take.repeat(take.rng.uniform(0.01, 0.04), lambda: drop.noise(1_000, 7_500, 0.0) * fade)
    return take.noise(300, 7_500, take.rng.uniform(-0.3, 0.1)) + take.rng.uniform(1, 2) * drops


def _siren(take: _Take) -> Samples:
    middle = take.rng.uniform(700, 1_000)
    depth = take.rng.uniform(0.25, 0.45)
    turn = 2 * np.pi * take.rng.uniform(0.5, 3) * take.times + take.rng.uniform(0, 2 * np.pi)
    return take.tone(middle * (1 + depth * np.sin(turn)), {1: 1.0, 2: 0.5, 3: 0.3})


def _wind(take: _Take) -> Samples:
    gusts = 1 + 0.6 * np.sin(2 * np.pi * take.rng.uniform(0.3, 1.2) * take.times)
    return take.noise(40, take.rng.uniform(500, 1_000), take.rng.uniform(-1.2, -0.7)) * gusts


_RECIPES: dict[str, Callable[[_Take], Samples]] = {
    "alarm_beeps": _alarm_beeps,
    "bell": _bell,
    "bird_chirps": _bird_chirps,
    "clock_ticks": _clock_ticks,
    "door_knocks": _door_knocks,
    "engine": _engine,
    "phone_ringing": _phone_ringing,
    "rain": _rain,
    "siren": _siren,
    "wind": _wind,
}

DEMO_CLASSES = tuple(sorted(_RECIPES))


def synthesize(label: str, rng: np.random.Generator) -> tuple[npt.NDArray[np.float32], int]:
    """Makes one clip of a class.

    Args:
        label: One of `DEMO_CLASSES`.
        rng: The random generator for everything that varies between clips.

    Returns:
        Mono samples, float32 [n], within [-1, 1], 0.4 to 3 seconds long; and their rate in Hz.

    Raises:
        ValueError: `label` is not one of `DEMO_CLASSES`.
    """
    if label not in _RECIPES:
        raise ValueError(f"no recipe for {label!r}; the classes are {', '.join(DEMO_CLASSES)}")
    rate = int(rng.choice(_RATES, p=_RATE_WEIGHTS))
    take = _Take(round(rng.uniform(SHORTEST_SECONDS, LONGEST_SECONDS) * rate), rate, rng)
    sound = _RECIPES[label](take)
    sound /= np.sqrt(np.mean(sound**2))
    background_decibels = rng.uniform(-40, -15)
    sound += 10 ** (background_decibels / 20) * take.noise(20, rate / 2, rng.uniform(-1, 0))
    peak_decibels = rng.uniform(-20, -1)
    sound *= 10 ** (peak_decibels / 20) / np.max(np.abs(sound))
    return sound.astype(np.float32), rate


def write_sound_set(folder: Path, *, clips_per_class: int = 60, seed: int = 0) -> None:
    """Writes a labelled sound set, one folder per class, unless it exists already.

    The set appears in one step, so a folder that exists is complete. A set that the same code made
    from the same arguments stays untouched, modification times included; any other set is replaced.
    The same arguments give the same bytes, file by file.

    Args:
        folder: The set's folder; missing parents are created.
        clips_per_class: The number of sound files per class.
        seed: The seed; a clip depends on it, on its class and on its number only.

    Raises:
        ValueError: `clips_per_class` is less than 1.
        VggishError: `folder` holds files that are not a sound set from this function.
    """
    if clips_per_class < 1:
        raise ValueError(f"a sound set needs at least 1 clip per class, not {clips_per_class}")
    # A set from an older version of this code is out of date.
    code = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    origin = {"clips_per_class": clips_per_class, "seed": seed, "code": code}
    marker = folder / _MARKER
    if marker.is_file() and json.loads(marker.read_text("utf-8")) == origin:
        return
    if folder.exists() and not marker.is_file() and any(folder.iterdir()):
        raise VggishError(
            f"{folder} already holds files that are not a demo sound set; "
            "name a folder that is empty or does not exist."
        )
    draft = folder.with_name(f".{folder.name}.partial")
    if draft.exists():
        shutil.rmtree(draft)
    _write_clips(draft, clips_per_class, seed)
    _write_broken(draft)
    (draft / _MARKER).write_text(json.dumps(origin), "utf-8")
    if folder.exists():
        shutil.rmtree(folder)
    draft.rename(folder)


def _write_clips(folder: Path, clips_per_class: int, seed: int) -> None:
    for class_number, label in enumerate(DEMO_CLASSES):
        (folder / label).mkdir(parents=True)
        for number in range(clips_per_class):
            rng = np.random.default_rng([seed, class_number, number])
            samples, rate = synthesize(label, rng)
            stereo = rng.random() < _STEREO_SHARE
            soundfile.write(
                folder / label / f"{label}_{number:03d}.wav",
                np.stack([samples, 0.7 * samples], axis=1) if stereo else samples,
                rate,
                subtype=str(rng.choice(_ENCODINGS, p=_ENCODING_WEIGHTS)),
            )


def _broken_files() -> dict[str, bytes]:
    """Returns the content of each broken file by kind of damage."""
    whole = _float_wav(np.zeros(16_000, np.float32), 16_000)
    return {
        "empty_file": b"",
        "text_not_sound": b"This page has moved. Please update your bookmarks.\n",
        "cut_in_header": whole[:30],
        "no_samples": _float_wav(np.zeros(0, np.float32), 16_000),
        "not_a_number": _float_wav(np.full(16_000, np.nan, np.float32), 16_000),
    }


def _write_broken(folder: Path) -> None:
    for label, (fault, content) in zip(DEMO_CLASSES, _broken_files().items(), strict=False):
        (folder / label / f"{label}_{fault}.wav").write_bytes(content)


def _float_wav(samples: npt.NDArray[np.float32], rate: int) -> bytes:
    """Encodes a mono 32-bit float WAV file; libsndfile would add the time of day."""
    body = samples.astype("<f4").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, rate, 4 * rate, 4, 32)
    data = struct.pack("<4sI", b"data", len(body)) + body
    return struct.pack("<4sI4s", b"RIFF", 4 + len(form) + len(data), b"WAVE") + form + data
