"""Heads that learn from embeddings of a network that nobody named."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs
from transform_graphs import write_transform_graph

from schema.clip_scores import EVAL_SCORES_FILE, read_clip_scores
from schema.config.model_settings import FeatureSettings, ModelSettings, TrainSettings
from schema.embedded_clips import to_table
from schema.imported_weights import no_weights, write_imported_weights
from schema.model_card import read_model_card
from trainer.fitting.frozen_head import run_fn

CLASSES = ["cat", "dog", "rain"]
SIZE = 5
CENTRES = 3 * np.random.default_rng(0).normal(size=[len(CLASSES), SIZE])


def write_clips(path: Path, clips: int, seed: int) -> list[np.ndarray]:
    """Writes clips of one to three windows, as EmbeddingExporter does; returns their windows."""
    rng = np.random.default_rng(seed)
    labels = [i % len(CLASSES) for i in range(clips)]
    lengths = rng.integers(1, 4, clips)
    windows = np.concatenate(
        [CENTRES[k] + rng.normal(size=[n, SIZE]) for k, n in zip(labels, lengths, strict=True)]
    ).astype(np.float32)
    names = [f"{path.stem}{i:03}" for i in range(clips)]
    table = to_table(names, [[CLASSES[k]] for k in labels], [[k] for k in labels], lengths, windows)
    pq.write_table(table, path)
    return np.split(windows, np.cumsum(lengths)[:-1])


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graph")
    write_transform_graph(CLASSES, folder)
    return folder / "transform"


@pytest.mark.parametrize(
    "model",
    [
        {"head": "dense", "hidden": [16]},
        {"head": "dense", "hidden": [16], "pooling": "attention"},
        {"head": "logistic_regression"},
        {"head": "rbf_svm"},
        {"head": "xgboost"},
    ],
    ids=lambda model: f"{model['head']}_{model.get('pooling', 'mean')}",
)
def test_every_kind_of_head_is_served_with_embeddings(
    tmp_path: Path, graph: Path, model: dict[str, Any]
) -> None:
    write_imported_weights(str(tmp_path / "weights"), no_weights())
    write_clips(tmp_path / "train.parquet", 90, 1)
    clips = write_clips(tmp_path / "eval.parquet", 30, 2)
    sections = {
        "model": ModelSettings(task="single_label", features="embedding", **model),
        "train": TrainSettings(epochs=8, learning_rate=0.02),
        "features": FeatureSettings(),
    }
    run_fn(
        FnArgs(
            train_files=[str(tmp_path / "train.parquet")],
            eval_files=[str(tmp_path / "eval.parquet")],
            transform_output=str(graph),
            base_model=str(tmp_path / "weights"),
            serving_model_dir=str(tmp_path / "model"),
            model_run_dir=str(tmp_path / "model_run"),
            custom_config={
                **{name: section.model_dump(mode="json") for name, section in sections.items()},
                "max_clip_samples": 16_000 * 600,
                "embedding_size": SIZE,
                "target_precision": None,
            },
        )
    )
    card = read_model_card(str(tmp_path / "model"))
    assert (card["network"], card["embedding_size"], card["embedded"]) == (None, SIZE, True)
    assert card["metrics"]["eval"]["accuracy"] > 0.8
    filled = np.full([len(clips), 3, SIZE], np.nan, np.float32)
    for row, windows in zip(filled, clips, strict=True):
        row[: len(windows)] = windows
    served = tf.saved_model.load(str(tmp_path / "model"))
    scores = served.signatures["embeddings"](embeddings=tf.constant(filled))["scores"].numpy()
    trained = read_clip_scores(str(tmp_path / "model_run" / EVAL_SCORES_FILE))
    expected = [trained[f"eval{i:03}"] for i in range(len(clips))]
    np.testing.assert_allclose(scores, expected, atol=1e-5)
