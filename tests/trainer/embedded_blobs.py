"""Embedded clips of classes that lie apart."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from schema.config.model_settings import FeatureSettings, ModelSettings, TrainSettings
from schema.embedded_clips import to_table
from schema.imported_weights import no_weights, write_imported_weights

CLASSES = ["cat", "dog", "rain"]
SIZE = 5
CENTRES = 3 * np.random.default_rng(0).normal(size=[len(CLASSES), SIZE])


def write_clips(path: Path, clips: int, seed: int, background: int = 0) -> list[np.ndarray]:
    """Writes clips of one to three windows, as EmbeddingExporter does; returns their windows.

    The last ones, background, have no label, and are far from every class.
    """
    rng = np.random.default_rng(seed)
    labels = [i % len(CLASSES) for i in range(clips - background)] + [-1] * background
    lengths = rng.integers(1, 4, clips)
    centres = [*CENTRES, -2 * CENTRES.sum(axis=0)]
    windows = np.concatenate(
        [centres[k] + rng.normal(size=[n, SIZE]) for k, n in zip(labels, lengths, strict=True)]
    ).astype(np.float32)
    names = [f"{path.stem}{i:03}" for i in range(clips)]
    ids = [[k] if k >= 0 else [] for k in labels]
    table = to_table(names, [[CLASSES[k] for k in of] for of in ids], ids, lengths, windows)
    pq.write_table(table, path)
    return np.split(windows, np.cumsum(lengths)[:-1])


def trainer_call(
    inputs: Path,
    graph: Path,
    output: Path,
    model: dict[str, Any],
    train: dict[str, Any],
    target_precision: float | None = None,
) -> FnArgs:
    """Builds what TFX would call the `run_fn` with."""
    write_imported_weights(str(output / "weights"), no_weights())
    sections = {
        "model": ModelSettings(features="embedding", **model),
        "train": TrainSettings(**train),
        "features": FeatureSettings(),
    }
    return FnArgs(
        train_files=[str(inputs / "train.parquet")],
        eval_files=[str(inputs / "eval.parquet")],
        transform_output=str(graph),
        base_model=str(output / "weights"),
        serving_model_dir=str(output / "model"),
        model_run_dir=str(output / "model_run"),
        custom_config={
            **{name: section.model_dump(mode="json") for name, section in sections.items()},
            "max_clip_samples": 16_000 * 600,
            "embedding_size": SIZE,
            "target_precision": target_precision,
            "backup_folder": str(output / "backups"),
        },
    )


def answers(folder: Path, clips: list[np.ndarray]) -> dict[str, np.ndarray]:
    """What the served model says of clips of one to three windows."""
    filled = np.full([len(clips), 3, SIZE], np.nan, np.float32)
    for row, windows in zip(filled, clips, strict=True):
        row[: len(windows)] = windows
    served = tf.saved_model.load(str(folder / "model"))
    answer = served.signatures["embeddings"](embeddings=tf.constant(filled))
    return {name: output.numpy() for name, output in answer.items()}
