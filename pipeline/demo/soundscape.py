"""A recording of three minutes with events of known place, made from the demo's sounds."""

from pathlib import Path

import numpy as np
import soundfile

from pipeline.demo.sound_synthesizer import DEMO_CLASSES, synthesize
from vggish.audio.decoding import resample
from vggish.events.detection import Event
from vggish.params import SAMPLE_RATE

_SECONDS = 180
_SLOT_SECONDS = 15  # Each holds one event.
_LONGEST_START = 10  # Seconds after the start of a slot; no event is longer than the rest.
_BACKGROUND = 1e-4  # Amplitude, -80 dB: a very quiet room.
_SEED = 30_000


def write_soundscape(path: Path) -> list[Event]:
    """Writes the recording, 16 kHz, and returns its events in order."""
    rng = np.random.default_rng(_SEED)
    scene = rng.normal(0, _BACKGROUND, _SECONDS * SAMPLE_RATE).astype(np.float32)
    slots = _SECONDS // _SLOT_SECONDS
    labels = [DEMO_CLASSES[place % len(DEMO_CLASSES)] for place in rng.permutation(slots)]
    events = []
    for slot, label in enumerate(labels):
        samples, rate = synthesize(label, rng)
        sound = resample(samples, rate, "soxr")
        start = slot * _SLOT_SECONDS + float(rng.uniform(0, _LONGEST_START))
        first = round(start * SAMPLE_RATE)
        scene[first : first + sound.size] += sound
        end = (first + sound.size) / SAMPLE_RATE
        events.append(Event(first / SAMPLE_RATE, end, label))
    soundfile.write(path, scene.clip(-1, 1), SAMPLE_RATE, subtype="PCM_16")
    return events
