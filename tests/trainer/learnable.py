"""Tones of three pitches as AudioExampleGen writes clips, and a Trainer's call to learn them."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs
from transform_graphs import write_transform_graph

from schema.config.model_settings import FeatureSettings, ModelSettings, TrainSettings
from schema.imported_weights import import_weights, write_imported_weights
from vggish.audio.decoding import pcm16_from_samples
from vggish.weights.weight_arrays import random_weights

PITCHES = {"high": 2_000, "low": 300, "mid": 900}
CLASSES = list(PITCHES)


def tone(pitch: float, seed: int, seconds: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * 16_000)) / 16_000
    sound = 0.2 * np.sin(2 * np.pi * pitch * rng.uniform(0.9, 1.1) * times)
    return sound + rng.normal(0, 0.02, len(times))


def write_clips(path: Path, clips: list[tuple[np.ndarray, list[str]]]) -> None:
    def of_bytes(*values: bytes) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))

    with tf.io.TFRecordWriter(str(path)) as writer:
        for number, (samples, labels) in enumerate(clips):
            features = {
                "clip_id": of_bytes(f"{path.stem}/{number}.wav".encode()),
                "pcm": of_bytes(pcm16_from_samples(samples)),
                "labels": of_bytes(*(label.encode() for label in labels)),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


def write_tones(path: Path, clips: int, seed: int) -> None:
    names = [CLASSES[i % len(CLASSES)] for i in range(clips)]
    tones = [(tone(PITCHES[name], seed + i), [name]) for i, name in enumerate(names)]
    write_clips(path, tones)


def write_inputs(folder: Path, train: int = 12) -> None:
    """Writes all that a Trainer needs."""
    write_tones(folder / "train.tfrecord", train, seed=0)
    write_tones(folder / "eval.tfrecord", 3, seed=1_000)
    rain = np.random.default_rng(5).normal(0, 0.1, 40_000)
    write_clips(folder / "noise.tfrecord", [(rain, [])])
    write_transform_graph(CLASSES, folder)
    weights = import_weights("vggish", "random", random_weights(0), None)
    write_imported_weights(str(folder / "weights"), weights)


def trainer_call(
    inputs: Path,
    output: Path,
    model: dict[str, Any],
    train: dict[str, Any],
    previous: Path | None = None,
) -> FnArgs:
    """Builds what TFX would call the `run_fn` with."""
    sections = {
        "model": ModelSettings(head="warm_start", task="single_label", **model),
        "train": TrainSettings(**train),
        "features": FeatureSettings(checkpoint="random"),
    }
    return FnArgs(
        train_files=[str(inputs / "train.tfrecord")],
        eval_files=[str(inputs / "eval.tfrecord")],
        transform_output=str(inputs / "transform"),
        base_model=str(inputs / "weights"),
        serving_model_dir=str(output / "model"),
        model_run_dir=str(output / "model_run"),
        custom_config={
            **{name: section.model_dump(mode="json") for name, section in sections.items()},
            "max_clip_samples": 16_000 * 600,
            "embedding_size": None,
            "target_precision": None,
            "noise_files": [str(inputs / "noise.tfrecord")],
            "previous_model": None if previous is None else str(previous),
            "backup_folder": str(inputs / "backups" / output.name),
        },
    )
