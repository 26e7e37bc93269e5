"""A whole run on mixtures of sounds: the numbers of the summary, worked out by hand."""

import csv
import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import tensorflow as tf
import yaml

from components.evaluation_results import Evaluation, read_evaluation
from pipeline.demo.sound_synthesizer import synthesize
from schema.model_card import read_model_card

pytestmark = [pytest.mark.long_runs, pytest.mark.xdist_group(__name__)]

CLASSES = ["bell", "bird_chirps", "engine", "siren", "wind"]
SPLITS = {"train": 60, "eval": 20, "test": 24}
MISLABELLED = 6
VGGISH_TFX = str(Path(sys.executable).with_name("vggish-tfx"))


def mixture(labels: list[str], rng: np.random.Generator) -> np.ndarray:
    """Sounds of several classes at once, as long as the longest, at 16 kHz."""
    parts = []
    for label in labels:
        rate = 0
        while rate != 16_000:
            samples, rate = synthesize(label, rng)
        parts.append(samples)
    mixed = np.zeros(max(len(part) for part in parts))
    for part in parts:
        mixed[: len(part)] += part / np.sqrt(np.mean(part**2))
    return 0.5 * mixed / np.abs(mixed).max()


def write_mixtures(folder: Path) -> None:
    """One to three labels a clip; a few clips of the test split, a group, are labelled wrongly."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    rows = []
    for split, clips in SPLITS.items():
        for i in range(clips):
            labels = list(rng.choice(CLASSES, size=rng.integers(1, 4), replace=False))
            soundfile.write(folder / f"{split}{i}.wav", mixture(labels, rng), 16_000)
            group = f"{split}{i % 3}"
            if split == "test" and i < MISLABELLED:
                others = [name for name in CLASSES if name not in labels]
                labels, group = others[:1], "mislabelled"
            rows.append([f"{split}{i}.wav", ";".join(labels), split, group])
    with (folder / "clips.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["fname", "labels", "split", "group"], *rows])


def run(folder: Path, *settings: str) -> dict[str, Any]:
    table = {"file": "clips.csv", "path": "{fname}", "label_separator": ";"}
    config = {
        "source": {"kind": "manifest", "root": str(folder / "sounds"), "tables": [table]},
        "split": {"kind": "column"},
        "features": {"checkpoint": "random"},
        "model": {"features": "mfcc"},
        "train": {"learning_rate": 0.03},
    }
    (folder / "job.yaml").write_text(yaml.safe_dump(config))
    command = [VGGISH_TFX, "run", str(folder / "job.yaml"), f"--output={folder / 'run'}"]
    done = subprocess.run(
        [*command, *(f"--set={setting}" for setting in settings)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + (folder / "run" / "run.log").read_text()[-5000:]
    summary = json.loads((folder / "run" / "summary.json").read_text())
    return {**summary, "screen": done.stdout}


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished run, and what its pushed model says of the test clips."""

    folder: Path
    summary: dict[str, Any]
    truth: np.ndarray
    scores: np.ndarray
    decisions: np.ndarray

    @property
    def card(self) -> dict[str, Any]:
        return read_model_card(self.summary["pushed_path"])

    def evaluation(self) -> Evaluation:
        model, results = (
            max((self.folder / "pipeline" / node).iterdir(), key=lambda path: int(path.name))
            for node in ("Trainer/model", "Evaluator/evaluation")
        )
        return read_evaluation(str(results), str(model / "Format-Serving"), self.card["classes"])


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("several")
    write_mixtures(folder / "sounds")
    summary = run(folder, "evaluate.min_score=0.55")
    files = (folder / "run" / "pipeline" / "AudioExampleGen").glob("examples/*/Split-test/*")
    records = tf.stack(list(tf.data.TFRecordDataset([str(file) for file in files])))
    model = tf.saved_model.load(summary["pushed_path"])
    answer = model.signatures["examples"](examples=records)
    truth = model.signatures["targets"](examples=records)["targets"]
    arrays = truth.numpy() > 0, answer["scores"].numpy(), answer["decisions"].numpy()
    return Run(folder / "run", summary, *arrays)


def test_metrics_are_those_worked_out_by_hand(first: Run) -> None:
    test = first.summary["metrics"]["test"]
    assert test["clips"] == len(first.truth) == SPLITS["test"]
    precisions, wrong, exact = [], 0, 0
    for truth, scores, decisions in zip(first.truth, first.scores, first.decisions, strict=True):
        for label in np.flatnonzero(truth):
            retrieved = [c for c in range(len(scores)) if scores[c] >= scores[label]]
            precisions.append(sum(truth[c] for c in retrieved) / len(retrieved))
        mistakes = [c for c in range(len(scores)) if truth[c] != decisions[c]]
        wrong += len(mistakes)
        exact += not mistakes
    assert test["lwlrap"] == pytest.approx(np.mean(precisions), abs=1e-9)
    assert test["hamming_loss"] == pytest.approx(wrong / first.truth.size, abs=1e-9)
    assert test["exact_match"] == pytest.approx(exact / len(first.truth), abs=1e-9)
    assert 0 < test["exact_match"] < 1


def test_decisions_are_made_at_the_thresholds_of_the_card(first: Run) -> None:
    thresholds = first.card["thresholds"]
    assert list(thresholds) == first.card["classes"]
    assert len(set(thresholds.values())) > 1
    expected = first.scores >= np.array(list(thresholds.values()), np.float32)
    np.testing.assert_array_equal(first.decisions, expected)
    clip = str(first.folder.parent / "sounds" / "test10.wav")
    command = [VGGISH_TFX, "predict", first.summary["pushed_path"], clip]
    printed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    reached = [name for name, score in printed["scores"].items() if score >= thresholds[name]]
    assert printed["labels"] == reached


def test_every_class_and_part_of_the_split_has_its_scores(first: Run) -> None:
    evaluation = first.evaluation()
    assert evaluation.confusion is None
    assert evaluation.score == "lwlrap"
    assert list(evaluation.per_class) == first.card["classes"]
    for c, scores in enumerate(evaluation.per_class.values()):
        hits = (first.truth & first.decisions)[:, c].sum()
        assert scores["support"] == first.truth[:, c].sum()
        assert scores["recall"] == pytest.approx(hits / first.truth[:, c].sum(), abs=1e-9)
        assert scores["precision"] == pytest.approx(hits / max(first.decisions[:, c].sum(), 1))
        right = (first.truth == first.decisions)[:, c].mean()
        assert scores["label_accuracy"] == pytest.approx(right, abs=1e-9)
    clips = {
        kind: {part["value"]: part["clips"] for part in parts}
        for kind, parts in evaluation.slices.items()
    }
    assert clips["label"] == {
        name: scores["support"] for name, scores in evaluation.per_class.items()
    }
    assert clips["group"] == {"mislabelled": MISLABELLED, "test0": 6, "test1": 6, "test2": 6}
    assert list(clips["duration"]) == ["0.5-1 s", "1-2 s", "2-5 s"]
    assert sum(clips["duration"].values()) == SPLITS["test"]


def test_only_all_clips_together_are_held_to_the_bound(first: Run) -> None:
    assert first.summary["blessed"]
    score = first.summary["metrics"]["test"]["lwlrap"]
    by_group = {part["value"]: part["score"] for part in first.evaluation().slices["group"]}
    assert by_group["mislabelled"] < 0.55 <= score
    low, high = first.summary["metrics"]["test_intervals"]["lwlrap"]
    assert low < score < high
    assert (
        f"Test lwlrap:        {score:.4f} ({low:.2f}-{high:.2f}) on 24" in first.summary["screen"]
    )


def test_report_shows_thresholds_and_parts(first: Run) -> None:
    page = (first.folder / "report.html").read_text()
    for text in ("Test lwlrap", "mislabelled", "2-5 s", "Wrong decisions", "Threshold"):
        assert text in page


def test_worse_model_is_not_blessed(first: Run) -> None:
    # Runs last: it leaves a model that is not pushed.
    again = run(
        first.folder.parent, "train.epochs=1", "evaluate.min_score=0.99", "evaluate.max_drop=0"
    )
    assert not again["blessed"]
    assert again["pushed_path"] is None
    before = first.summary["metrics"]["test"]["lwlrap"]
    assert again["metrics"]["test"]["lwlrap"] < before
    page = (first.folder / "report.html").read_text()
    assert "must be at least 0.99." in page
    assert f"must be at least {before:.4f} - 0." in page
