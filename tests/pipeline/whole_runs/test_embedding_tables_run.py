"""A table of embeddings, through the whole pipeline."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from rich.console import Console
from typer.testing import CliRunner

from pipeline.cli.console import NodeProgress
from pipeline.cli.main import app
from pipeline.config_checks import check_config
from pipeline.jobs import open_job
from pipeline.predict.table_prediction import load_embedding_model, predict_tables
from pipeline.runners.local_run import run_locally
from pipeline.runners.run_folder import open_run_folder

CLASSES = ["dog", "rain", "siren"]
SIZE = 128


def write_embeddings(path: Path) -> None:
    """As users of VGGish write them: `fname, labels, emb_0 ... emb_127`, labels with commas."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=[len(CLASSES), SIZE])
    rows = []
    for i in range(240):
        labels = rng.choice(len(CLASSES), size=rng.integers(1, 3), replace=False)
        vector = centres[labels].sum(axis=0) + rng.normal(size=SIZE)
        rows.append([f"{i}.wav", ",".join(CLASSES[k] for k in sorted(labels)), *vector])
    table = pd.DataFrame(rows, columns=["fname", "labels", *(f"emb_{i}" for i in range(SIZE))])
    table.loc[7, "emb_3"] = np.nan
    table.to_csv(path, index=False)


FIVE_LINES = """\
source:
  kind: embeddings
  root: {root}
  tables: [{{file: emb.csv, label_separator: ","}}]
model: [{{head: dense}}, {{head: logistic_regression}}]
"""


def run(folder: Path, **more: Any) -> dict[str, Any]:
    job = folder / "job.yaml"
    job.write_text(FIVE_LINES.format(root=folder))
    config = check_config(open_job(str(job), {"train.epochs": 5, **more}).config)
    with Path(os.devnull).open("w") as nowhere, NodeProgress(Console(file=nowhere)) as progress:
        return run_locally(config, open_run_folder(folder / "run"), progress)


@pytest.mark.long_runs
def test_five_lines_train_and_serve_a_model_of_embeddings(tmp_path: Path) -> None:
    write_embeddings(tmp_path / "emb.csv")
    summary = run(tmp_path)
    assert summary["clips"]["by_reason"] == {"missing_value": 1}
    assert summary["clips"]["found"] == 240 == summary["clips"]["accepted"] + 1
    assert summary["metrics"]["test"]["lwlrap"] > 0.9
    predicted = pd.read_parquet(tmp_path / "run" / "test_predictions.parquet").set_index("fname")
    vectors = pd.read_csv(tmp_path / "emb.csv", index_col="fname").loc[predicted.index]
    windows = vectors[[f"emb_{i}" for i in range(SIZE)]].to_numpy(np.float32)[:, np.newaxis]
    model = tf.saved_model.load(summary["pushed_path"])
    outputs = model.signatures["embeddings"](embeddings=tf.constant(windows))
    classes = [name.decode() for name in outputs["labels"].numpy()[0]]
    expected = predicted[[f"score_{name}" for name in classes]]
    np.testing.assert_allclose(outputs["scores"].numpy(), expected, atol=1e-5)
    answers = predict_tables(
        [str(tmp_path / "emb.csv")], *load_embedding_model(str(tmp_path / "run"))
    )
    by_name = {answer.clip: answer for answer in answers}
    assert len(by_name) == 240
    assert "has no value in the column emb_3" in str(by_name["7.wav"].error)
    for name, row in expected.iterrows():
        scores = [by_name[name].scores[label] for label in classes]
        np.testing.assert_allclose(scores, row, atol=1e-5)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "the model takes embeddings, no sound" in page
    (card,) = Path(summary["pushed_path"]).glob("assets.extra/model_card.html")
    assert "from a network that the data do not name" in card.read_text()


@pytest.mark.long_runs
def test_a_search_and_a_cross_validation_in_one_run(tmp_path: Path) -> None:
    write_embeddings(tmp_path / "emb.csv")
    wanted = {"evaluate.folds": 3, "tune": {"trials": 4, "seed": 1}}
    summary = run(tmp_path, **wanted)
    models = {model["name"]: model for model in summary["models"]}
    assert models.keys() == {"dense", "logistic_regression", "tuned"}
    for name, model in models.items():
        folds = model["cross_validation"]
        assert (folds is None) == (name == "tuned")
        if folds:
            assert folds["pooled"]["clips"] == 239
            assert folds["pooled"]["lwlrap"] > 0.9
            assert (tmp_path / "run" / "out_of_fold" / f"{name}.parquet").exists()
    found = summary["tuning"]
    best = found["trials"][found["chosen"]]
    assert np.mean(best["scores"]) >= np.mean(found["trials"][0]["scores"]) > 0.9
    assert models["tuned"]["head"] == best["settings"]["model"].get("head", "dense")
    job = tmp_path / "tuned.yaml"
    assert CliRunner().invoke(app, ["tuned", str(tmp_path / "run"), "-o", str(job)]).exit_code == 0
    (only,) = open_job(str(job), {}).config.model
    assert only.head == models["tuned"]["head"]

    again = run(tmp_path, **wanted)
    tried = {"Tuner", "CrossValidator_dense", "CrossValidator_logistic_regression"}
    assert tried <= set(again["cached"])
    more = run(tmp_path, **wanted | {"model.1.logistic_regression.c": 1})
    assert tried & set(more["cached"]) == {"Tuner", "CrossValidator_dense"}
