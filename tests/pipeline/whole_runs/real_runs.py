"""Starting `vggish-tfx run` as a person does, on few sounds and with a quick model."""

import subprocess
import sys
from pathlib import Path

from pipeline.demo.sound_synthesizer import write_sound_set

QUICK = (
    "features.checkpoint=random",
    "features.seed=1",
    "ingest.max_reject_fraction=0.2",
    "evaluate.min_score=0",
    "evaluate.max_drop=1",
    "model={head: knn, features: embedding}",
)


def write_job(folder: Path) -> Path:
    """Writes a few sounds, and a configuration that learns from them; returns its path."""
    write_sound_set(folder / "sounds", clips_per_class=8)
    path = folder / "job.yaml"
    path.write_text(f"source: {{root: {folder / 'sounds'}}}\nsplit: {{seed: 2}}\n")
    return path


def start(job: Path, output: Path, *sets: str) -> subprocess.Popen[str]:
    """Starts a run."""
    command = str(Path(sys.executable).with_name("vggish-tfx"))
    settings = [f"--set={setting}" for setting in (*QUICK, *sets)]
    return subprocess.Popen(
        [command, "run", str(job), f"--output={output}", *settings],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Waits for a run; returns its exit code and what was on the screen."""
    out, err = process.communicate(timeout=600)
    return process.returncode, out + err
