"""Two configurations that share their embeddings, from the command line to the report."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

CLIPS = 40


def write_sounds(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for i in range(CLIPS):
        path = folder / "ab"[i % 2] / f"{i}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, rng.normal(0, 0.1, 16_000), 16_000)


def run(folder: Path, name: str, head: str) -> dict[str, Any]:
    settings = {
        "features.cache": folder / "cache",
        "model.head": head,
        "train.epochs": 1,
        "evaluate.min_score": 0,
    }
    command: list[str | Path] = [
        Path(sys.executable).with_name("vggish-tfx"),
        "run",
        folder / "sounds",
    ]
    command += ["--checkpoint", "random", "-o", folder / name, "-q"]
    command += [f"--set={key}={value}" for key, value in settings.items()]
    subprocess.run(command, check=True)
    return json.loads((folder / name / "summary.json").read_text())["features"]


@pytest.mark.long_runs
def test_another_head_in_another_folder_embeds_nothing(tmp_path: Path) -> None:
    write_sounds(tmp_path / "sounds")
    assert run(tmp_path, "first", "dense") == {"windows": CLIPS, "embedded": CLIPS, "reused": 0}
    assert run(tmp_path, "second", "knn") == {"windows": CLIPS, "embedded": 0, "reused": CLIPS}
    page = (tmp_path / "second" / "report.html").read_text()
    assert "the network embedded 0 clips" in page
