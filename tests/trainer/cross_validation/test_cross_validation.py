"""Heads that are trained without a fold and tested on it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from embedded_blobs import CLASSES, SIZE, write_clips
from sklearn.metrics import average_precision_score, f1_score
from tfx.components.trainer.fn_args_utils import FnArgs
from transform_graphs import write_transform_graph

from schema.config.model_settings import FeatureSettings, ModelSettings, TrainSettings
from schema.folds import RESULTS_FILE, Fold
from trainer.cross_validation import cross_validation, fold_scores
from trainer.cross_validation.cross_validation import run_fn
from trainer.fitting.frozen_head import load_clips

CLIPS = 90
NAMES = [f"clips{i:03}" for i in range(CLIPS)]
FOLD_OF = [i // 3 % 3 for i in range(CLIPS)]  # The class of a clip is its number modulo 3.
FOLDS = [
    Fold(
        str(number),
        frozenset(NAMES[i] for i in range(CLIPS) if FOLD_OF[i] == number),
        frozenset(NAMES[i] for i in range(CLIPS) if FOLD_OF[i] != number and i // 9 % 3 == 0),
    )
    for number in range(3)
]


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graph")
    write_transform_graph(CLASSES, folder)
    return folder / "transform"


def arguments(folder: Path, graph: Path, folds: list[Fold] = FOLDS, **model: Any) -> FnArgs:
    if not (folder / "clips.parquet").exists():
        write_clips(folder / "clips.parquet", CLIPS, 1)
    sections = {
        "model": ModelSettings(task="single_label", features="embedding", **model),
        "train": TrainSettings(epochs=8, learning_rate=0.02),
        "features": FeatureSettings(),
    }
    return FnArgs(
        train_files=[str(folder / "clips.parquet")],
        transform_output=str(graph),
        working_dir=str(folder / "finished"),
        custom_config={
            **{name: section.model_dump(mode="json") for name, section in sections.items()},
            "max_clip_samples": 16_000 * 600,
            "embedding_size": SIZE,
            "target_precision": None,
            "folds": folds,
            "outputs": {"cross_validation": str(folder / "out")},
        },
    )


def results(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "out" / RESULTS_FILE).read_text())


@pytest.mark.parametrize(
    "model",
    [
        {"head": "dense", "hidden": [16]},
        {"head": "dense", "hidden": [16], "pooling": "attention"},
        {"head": "logistic_regression"},
        {"head": "xgboost"},
    ],
    ids=lambda model: f"{model['head']}_{model.get('pooling', 'mean')}",
)
def test_every_clip_is_scored_by_a_head_that_did_not_see_it(
    tmp_path: Path, graph: Path, model: dict[str, Any]
) -> None:
    run_fn(arguments(tmp_path, graph, **model))
    found = results(tmp_path)
    table = pq.read_table(tmp_path / "out" / f"{model['head']}.parquet").to_pandas()
    assert table["fname"].tolist() == NAMES
    assert table["fold"].tolist() == [str(fold) for fold in FOLD_OF]
    right = table["true"] == table["predicted"]
    assert found["pooled"]["accuracy"] == right.mean() > 0.8
    assert [f["clips"] for f in found["folds"]] == [{"train": 36, "eval": 24, "test": 30}] * 3
    by_fold = right.groupby(table["fold"]).mean()
    for fold in found["folds"]:
        assert fold["metrics"]["accuracy"] == by_fold[fold["fold"]]
    assert found["mean"]["accuracy"] == pytest.approx(by_fold.mean())
    assert found["deviation"]["accuracy"] == pytest.approx(by_fold.std())
    low, high = found["intervals"]["accuracy"]
    assert low < found["pooled"]["accuracy"] <= high + 1e-9
    scores = table[[f"score_{name}" for name in CLASSES]].to_numpy()
    truth = np.array([[name == label for name in CLASSES] for label in table["true"]])
    assert found["pooled"]["mean_average_precision"] == pytest.approx(
        average_precision_score(truth, scores)
    )
    assert found["pooled"]["macro_f1"] == pytest.approx(
        f1_score(table["true"], table["predicted"], average="macro")
    )
    assert not (tmp_path / "finished").exists()


def test_neither_training_nor_the_choice_of_epoch_sees_the_test_fold(
    tmp_path: Path, graph: Path
) -> None:
    """The labels of the tested clips change nothing about their scores."""
    args = arguments(tmp_path, graph, head="dense", hidden=[16])
    job = cross_validation.read_training_job(args)
    clips = load_clips(job, args.train_files)
    before = fold_scores.score_fold(job, clips, FOLDS[0])
    targets = clips.targets.copy()
    tested = np.array(FOLD_OF) == 0
    targets[tested] = (targets[tested] + 1) % 3
    after = fold_scores.score_fold(job, replace(clips, targets=targets), FOLDS[0])
    np.testing.assert_array_equal(after.tested.scores, before.tested.scores)
    assert (after.tested.truth != before.tested.truth).any()


def test_clips_that_are_left_out_are_in_no_part(tmp_path: Path, graph: Path) -> None:
    args = arguments(tmp_path, graph, head="knn")
    job = cross_validation.read_training_job(args)
    clips = load_clips(job, args.train_files)
    fold = replace(FOLDS[0], left_out=frozenset(["clips012", "clips013"]))
    parts = fold_scores.split_clips(clips, fold)
    assert [len(part.targets) for part in parts] == [34, 24, 30]
    assert not {b"clips012", b"clips013"} & {i for part in parts for i in part.clip_ids}


def test_a_killed_node_goes_on_with_the_next_fold(
    tmp_path: Path, graph: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_fn(arguments(tmp_path, graph, head="dense", hidden=[16]))
    whole = results(tmp_path)
    (tmp_path / "out" / RESULTS_FILE).unlink()
    scored = []
    score_fold = fold_scores.score_fold

    def killed_at_the_second(*args: Any) -> fold_scores.FoldScores:
        if len(scored) == 1:
            raise KeyboardInterrupt
        scored.append(args[2].name)
        return score_fold(*args)

    with monkeypatch.context() as patched:
        patched.setattr(fold_scores, "score_fold", killed_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            run_fn(arguments(tmp_path, graph, head="dense", hidden=[16]))
    assert scored == ["0"]
    with monkeypatch.context() as patched:
        patched.setattr(
            fold_scores,
            "score_fold",
            lambda *args: scored.append(args[2].name) or score_fold(*args),
        )
        run_fn(arguments(tmp_path, graph, head="dense", hidden=[16]))
    assert scored == ["0", "1", "2"]
    assert results(tmp_path) == whole
