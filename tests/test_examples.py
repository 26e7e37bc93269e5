"""The notebooks of examples/, each run on a tiny folder of synthesized sounds."""

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from trees import write_table

from pipeline.demo.sound_synthesizer import synthesize

PROJECT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((PROJECT / "examples").glob("*.ipynb"))
LABELS = ("bell", "rain", "siren")


def write_clip(path: Path, *labels: str, seed: int) -> None:
    """Writes sounds of one or several classes, one after the other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = []
    for label in labels:
        samples, rate = synthesize(label, np.random.default_rng([seed, LABELS.index(label)]))
        parts.append(samples[:: max(1, rate // 16_000)])
    soundfile.write(path, np.concatenate(parts), 16_000)


def folders(root: Path) -> None:
    for label in LABELS:
        for i in range(12):
            write_clip(root / label / f"{label}.{i:05}.wav", label, seed=i)


def speech_commands(root: Path) -> None:
    for label in LABELS:
        for i in range(16):
            write_clip(root / label / f"{i // 2:08x}_nohash_{i % 2}.wav", label, seed=i)


def tags(root: Path) -> None:
    rows = [["fname", "labels"]]
    for i in range(36):
        labels = LABELS[i % 3 : i % 3 + 1 + i % 2]
        rows.append([f"{i:03}.wav", ",".join(labels)])
        write_clip(root / "audio" / rows[-1][0], *labels, seed=i)
    write_table(root / "tags.csv", rows)


TINY: dict[str, Callable[[Path], None]] = {
    "frozen_vggish_head": folders,
    "gtzan_scikit_learn": folders,
    "speech_commands_xgboost": speech_commands,
    "tagging_with_tables": tags,
    "warm_start": folders,
}


def code_cells(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def run_notebook(notebook: Path, sounds: Path, folder: Path) -> str:
    values = {"SOUNDS": str(sounds), "CHECKPOINT": "random", "EPOCHS": 1}
    named = [
        target.id for line in ast.parse(code_cells(notebook)[0]).body for target in line.targets
    ]
    done = subprocess.run(
        [
            sys.executable,
            PROJECT / "tests" / "run_notebook.py",
            notebook,
            json.dumps({name: values[name] for name in named}),
        ],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PROJECT), "IPYTHONDIR": str(folder / "ipython")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_stored_without_outputs(notebook: Path) -> None:
    book = json.loads(notebook.read_text("utf-8"))
    assert book["nbformat"] == 4
    codes = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert [cell["outputs"] for cell in codes] == [[]] * len(codes)
    assert {cell["execution_count"] for cell in codes} == {None}
    assert code_cells(notebook)[0].startswith('SOUNDS = "~/')
    assert notebook.stat().st_size < 10_000
    ast.parse("\n".join(code_cells(notebook)))


@pytest.mark.long_runs
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run(notebook: Path, tmp_path: Path) -> None:
    TINY[notebook.stem](tmp_path / "sounds")
    assert run_notebook(notebook, tmp_path / "sounds", tmp_path)


@pytest.mark.real_data
def test_the_first_notebook_runs_on_speech_commands(tmp_path: Path, real_data: Path) -> None:
    for word in ("no", "stop", "yes"):
        (tmp_path / "sounds" / word).mkdir(parents=True)
        for path in sorted((real_data / "speech_commands" / word).glob("*.wav"))[:60]:
            shutil.copy(path, tmp_path / "sounds" / word)
    notebook = PROJECT / "examples" / "speech_commands_xgboost.ipynb"
    shown = run_notebook(notebook, tmp_path / "sounds", tmp_path)
    # Most of a random split's test clips are of voices that training has heard.
    assert float(shown.rpartition("known voices:")[2]) > 0.5
