"""The fixed cost of a run, and the cost of each further clip, by node.

Usage: python benchmarks/run_cost.py

Prints one Markdown row per node: seconds in a first run of 40 one-second clips; seconds in the same
run again, with every node cached; and milliseconds per further clip, from a run of 1,040 clips. The
rest of the total is the import of TensorFlow and TFX.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from pipeline.demo.sound_synthesizer import synthesize

SOUND_LABELS = ("bell", "siren", "rain", "engine")
CLIPS_A_CLASS = (10, 260)
RATE = 16_000


def write_wav_clips(root: Path, clips_a_class: int) -> None:
    """Writes one-second clips at 16 kHz, so that nothing is resampled."""
    rng = np.random.default_rng(0)
    for label in SOUND_LABELS:
        (root / label).mkdir(parents=True)
        for i in range(clips_a_class):
            samples, _ = synthesize(label, rng)
            soundfile.write(root / label / f"{i}.wav", np.resize(samples, RATE), RATE)


def run_pipeline(sounds: Path, output: Path) -> dict[str, float]:
    """Runs the pipeline in a process of its own; returns the seconds by node, and in total."""
    command = [
        str(Path(sys.executable).with_name("vggish-tfx")),
        "run",
        "configs/demo.yaml",
        f"--data-root={sounds}",
        f"--output={output}",
        "--set=split.train=0.6",
        "--set=split.eval=0.2",
        "--set=split.test=0.2",
        "--set=evaluate.min_score=0",
    ]
    subprocess.run(command, check=True, capture_output=True)
    return json.loads((output / "summary.json").read_text())["seconds"]


def main() -> None:
    """Runs the benchmark."""
    with tempfile.TemporaryDirectory() as scratch:
        few, many = (Path(scratch, name) for name in ("few", "many"))
        for folder, clips_a_class in zip((few, many), CLIPS_A_CLASS, strict=True):
            write_wav_clips(folder / "sounds", clips_a_class)
        first, again, larger = (
            run_pipeline(folder / "sounds", folder / "run") for folder in (few, few, many)
        )
    added = len(SOUND_LABELS) * (CLIPS_A_CLASS[1] - CLIPS_A_CLASS[0])
    print("| node | first run, s | again, s | a further clip, ms |\n|---|---:|---:|---:|")
    for node, seconds in first.items():
        further = 1_000 * (larger[node] - seconds) / added
        print(f"| {node} | {seconds:.1f} | {again[node]:.1f} | {further:.1f} |")


if __name__ == "__main__":
    main()
