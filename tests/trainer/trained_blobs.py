"""Models of embedded clips of a network that nobody named, as Trainers export them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from embedded_blobs import SIZE
from tfx.components.trainer.fn_args_utils import FnArgs

from schema.config.model_settings import FeatureSettings, ModelSettings, TrainSettings
from schema.imported_weights import no_weights, write_imported_weights
from trainer.fitting import frozen_head


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


def train(
    folder: Path,
    graph: Path,
    model: dict[str, Any],
    target_precision: float | None = None,
    *,
    run_fn: Callable[[FnArgs], None] = frozen_head.run_fn,
    to: Path | None = None,
    **custom_config: Any,
) -> None:
    """Trains on `train.parquet` and `eval.parquet` of a folder, and writes there or to another."""
    settings = {"epochs": 8, "learning_rate": 0.02}
    call = trainer_call(folder, graph, to or folder, model, settings, target_precision)
    call.custom_config |= custom_config
    run_fn(call)


def answers(folder: Path, clips: list[np.ndarray]) -> dict[str, np.ndarray]:
    """What the served model says of clips of one to three windows."""
    filled = np.full([len(clips), 3, SIZE], np.nan, np.float32)
    for row, windows in zip(filled, clips, strict=True):
        row[: len(windows)] = windows
    served = tf.saved_model.load(str(folder / "model"))
    answer = served.signatures["embeddings"](embeddings=tf.constant(filled))
    return {name: output.numpy() for name, output in answer.items()}
