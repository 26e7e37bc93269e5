"""Memory and time of every head on a large table of features that were drawn at random.

Usage: python benchmarks/head_memory.py [--clips N] [--size D] [--classes C] [--heads NAME ...]
       python benchmarks/head_memory.py --seeds 3 --clips 4000

TMPDIR names a folder on a disk for the table, 33 kB a clip. It is written as EmbeddingExporter
does: N training clips and a tenth of them as eval clips, of one window. Every head then learns in a
process of its own, as in the Trainer, and scores all clips. Prints one Markdown row per head: what
it said it would need, the peak of its process's memory without what the process had after its
imports, the peak of the whole process (both resident, from the system's VmRSS and VmHWM), seconds,
and eval accuracy. The Trainer itself also holds the network, 0.3 GB of VGGish.

With `--seeds`, every head learns with several seeds, once from disk and with a quarter of the
memory that all clips would need, and once from memory. Prints mean and spread of the eval accuracy.
"""

import argparse
import io
import json
import logging
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from schema.config.model_settings import FeatureSettings, ModelSettings, TrainSettings
from schema.embedded_clips import embedded_clips_schema, to_table
from trainer.clips.embedded_clips import EmbeddedClips, load_embedded_clips
from trainer.fitting.frozen_head import score_clips, train_head
from trainer.fitting.keras_fitting import FitOptions
from trainer.fitting.training_job import TrainingJob
from vggish.progress import LOGGER_NAME

HEADS: dict[str, dict[str, Any]] = {
    "dense": {},
    "knn": {},
    "linear_discriminant": {},
    "linear_svm": {},
    "logistic_regression": {},
    "logistic_regression, no components": {"pca": None, "max_iter": 20},
    "random_forest": {},
    "rbf_svm": {},
    "xgboost": {"rounds": 5},
    "xgboost, no components": {"pca": None, "standardise": False, "rounds": 1},
}
"""Settings of each head's section. Fewer rounds and steps change the time, not the memory."""

_LATENT = 100
_ROW_GROUP = 256
_NOISE = 6.0


def write_table(folder: Path, clips: int, size: int, classes: int) -> None:
    """Writes the splits: classes are centres in a space of 100 dimensions, seen in all features."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=[classes, _LATENT])
    seen_as = rng.normal(size=[_LATENT, size]).astype(np.float32)
    for split, count in (("train", clips), ("eval", clips // 10)):
        with pq.ParquetWriter(folder / f"{split}.parquet", embedded_clips_schema(size)) as writer:
            for begin in range(0, count, _ROW_GROUP):
                numbers = np.arange(begin, min(begin + _ROW_GROUP, count))
                labels = rng.permutation(numbers) % classes
                latent = centres[labels] + 2 * rng.normal(size=[len(numbers), _LATENT])
                noise = rng.normal(0, _NOISE, [len(numbers), size]).astype(np.float32)
                features = np.maximum(latent.astype(np.float32) @ seen_as + noise, 0)
                writer.write_table(
                    to_table(
                        [f"{number:08}" for number in numbers],
                        [[str(label)] for label in labels],
                        [[int(label)] for label in labels],
                        np.ones(len(numbers), np.int64),
                        features,
                    )
                )


def load(folder: Path, classes: int) -> tuple[EmbeddedClips, EmbeddedClips]:
    """Loads both splits as the Trainer does."""
    size = pq.read_schema(folder / "train.parquet").field("embedding").type.value_type.list_size
    train, evaluation = (
        load_embedded_clips(
            [str(folder / f"{split}.parquet")], size, classes, multi_label=False, folder=str(folder)
        )
        for split in ("train", "eval")
    )
    return train, evaluation


def fit(
    name: str, splits: tuple[EmbeddedClips, EmbeddedClips], classes: int, training: TrainSettings
) -> float:
    """Trains a head, scores all clips, and returns the eval accuracy."""
    head, section = name.partition(",")[0], HEADS[name]
    job = TrainingJob(
        ModelSettings(task="single_label", head=head, **({head: section} if section else {})),
        training,
        FeatureSettings(),
        max_clip_samples=16_000,
        embedding_size=splits[0].features.shape[1],
        classes=[str(number) for number in range(classes)],
    )
    with tempfile.TemporaryDirectory() as logs:
        trained = train_head(job, *splits, FitOptions(log_folder=logs))
    for clips in splits:
        scores = score_clips(trained.scores, clips, classes)
    return float((scores.argmax(axis=1) == splits[1].targets).mean())


def measure(name: str, folder: Path, classes: int) -> None:
    """Trains one head in this process, and prints its figures as JSON."""
    told = io.StringIO()
    logging.getLogger(LOGGER_NAME).addHandler(logging.StreamHandler(told))
    logging.getLogger(LOGGER_NAME).setLevel(logging.INFO)
    imported, begin = memory_gb("VmRSS"), time.monotonic()
    accuracy = fit(name, load(folder, classes), classes, TrainSettings(epochs=2))
    needs = next(line for line in told.getvalue().splitlines() if line.startswith("learning from"))
    figures = {
        "said": needs,
        "added": memory_gb("VmHWM") - imported,
        "peak": memory_gb("VmHWM"),
        "seconds": time.monotonic() - begin,
        "accuracy": accuracy,
    }
    print(json.dumps(figures))


def memory_gb(field: str) -> float:
    """Reads a field of this process's status, in GB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024 / 1e9
    raise ValueError(f"/proc/self/status has no {field}; this benchmark needs Linux.")


def compare(name: str, folder: Path, classes: int, seeds: int) -> None:
    """Prints the accuracy from disk with a quarter of the memory, and from memory with all."""
    streamed = load(folder, classes)
    held = tuple(replace(clips, features=clips.features[:]) for clips in streamed)
    quarter = len(streamed[0].targets) * streamed[0].features.shape[1] * 4 * 3 / 4e9
    found = [
        [
            fit(name, splits, classes, TrainSettings(epochs=10, seed=seed, memory_gb=memory))
            for seed in range(seeds)
        ]
        for splits, memory in ((streamed, quarter), (held, 100.0))
    ]
    texts = (f"{np.mean(values):.4f} ({min(values):.4f}-{max(values):.4f})" for values in found)
    print(f"| {name} | {' | '.join(texts)} |", flush=True)


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=int, default=105_835)
    parser.add_argument("--size", type=int, default=8192)
    parser.add_argument("--classes", type=int, default=35)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--heads", nargs="*", choices=HEADS, default=list(HEADS))
    parser.add_argument("--table", type=Path, help="folder of a table that is there, for one head")
    arguments = parser.parse_args()
    if arguments.table:
        measure(arguments.heads[0], arguments.table, arguments.classes)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_table(folder, arguments.clips, arguments.size, arguments.classes)
        if arguments.seeds:
            print("| head | from disk, a quarter | from memory, all |\n|---|---|---|")
            for name in arguments.heads:
                compare(name, folder, arguments.classes, arguments.seeds)
            return
        print(
            "| head | said | added, GB | peak, GB | s | accuracy |\n|---|---|---:|---:|---:|---:|"
        )
        for name in arguments.heads:
            command = [sys.executable, __file__, "--table", scratch, "--heads", name]
            command += ["--classes", str(arguments.classes)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            row = json.loads(done.stdout.splitlines()[-1])
            print(
                f"| {name} | {row['said']} | {row['added']:.2f} | {row['peak']:.2f} "
                f"| {row['seconds']:.0f} | {row['accuracy']:.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
