"""Annotated recordings, through the whole pipeline."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from typer.testing import CliRunner

from pipeline.cli.main import app
from pipeline.demo.sound_synthesizer import synthesize
from vggish.audio.decoding import resample

pytestmark = pytest.mark.long_runs

CLASSES = ["bell", "rain", "siren"]
RECORDINGS, SECONDS, RATE = 15, 12, 16_000
JOB = """\
source:
  kind: annotations
  root: {root}
  annotations: {{tables: [events.csv]}}
split: {{allow_missing: true}}
features: {{checkpoint: random}}
model:
  - {{head: dense}}
  - {{head: warm_start, train: {{epochs: 1}}, warm_start: {{freeze_below: conv4_1}}}}
evaluate: {{min_score: 0}}
"""


def write_recordings(root: Path) -> pd.DataFrame:
    """Writes recordings with an event of each class, and the table of these."""
    rows = []
    for number in range(RECORDINGS):
        rng = np.random.default_rng(number)
        sound = rng.normal(0, 0.003, SECONDS * RATE)
        for slot, label in enumerate(rng.permutation(CLASSES)):
            samples, rate = synthesize(label, rng)
            event = resample(samples, rate, "soxr")[: 3 * RATE] / 2
            first = int((1 + 3.7 * slot) * RATE)
            sound[first : first + len(event)] += event
            rows.append((f"{number}.wav", first / RATE, (first + len(event)) / RATE, label))
        soundfile.write(root / f"{number}.wav", sound, RATE)
    table = pd.DataFrame(rows, columns=["recording", "start", "end", "label"])
    table.to_csv(root / "events.csv", index=False)
    return table


def test_a_run_tells_how_well_it_finds_events(tmp_path: Path) -> None:
    root = tmp_path / "nights"
    root.mkdir()
    true = write_recordings(root)
    (tmp_path / "job.yaml").write_text(JOB.format(root=root))
    output = tmp_path / "run"
    result = CliRunner().invoke(app, ["run", str(tmp_path / "job.yaml"), f"--output={output}"])
    assert result.exit_code == 0, result.output
    assert "Test events:        F1 " in result.output
    assert f"vggish-tfx detect {output}" in result.output

    summary = json.loads((output / "summary.json").read_text())
    assert [model["name"] for model in summary["models"]] == ["dense", "warm_start"]
    windows = pd.read_parquet(output / "test_predictions.parquet")["fname"]
    tested = set(windows.str.partition("#")[0])
    events = summary["test_events"]
    assert events["recordings"] == len(tested)
    assert events["hours"] == pytest.approx(len(tested) * SECONDS / 3600)
    assert events["all"]["true"] == true["recording"].isin(tested).sum()
    assert events["all"]["segment_f1"] > 0.3

    found = tmp_path / "found.csv"
    command = ["detect", str(output), *(str(root / name) for name in sorted(tested)), "-o", found]
    assert CliRunner().invoke(app, list(map(str, command))).exit_code == 0
    assert events["all"]["found"] == len(pd.read_csv(found))
    assert "Events in the test recordings" in (output / "report.html").read_text()
