"""How a head's score grows with the number of clips that it learns from.

Usage: python benchmarks/learning_curve.py OUTPUT [--heads NAME ...] [--clips N ...] [--draws N]

OUTPUT is the folder of a finished run, whose features are used as they are. For each head, with the
run's settings of the first model for the rest, some train clips of every class are drawn at random,
and a quarter as many (at least one) eval clips, which choose epochs; all test clips are scored.
Prints one Markdown row per head: the mean over draws, and the standard deviation, of accuracy, or
of the mean average precision where clips have several labels. The first row is a baseline without
this project's heads: the class whose mean feature is nearest by its angle. A cell is empty where a
head refuses so few clips.
"""

import argparse
import dataclasses
from pathlib import Path

import numpy as np
from finished_run import read_config, split_files, trainer_arguments

from schema.config.split_settings import SPLITS
from trainer.clips.clip_batches import one_hot
from trainer.clips.embedded_clips import EmbeddedClips
from trainer.fitting.frozen_head import load_clips, score_clips, train_head
from trainer.fitting.training_job import read_training_job
from trainer.metrics.ranking import average_precisions
from vggish.errors import ConfigError

BASELINE = "nearest mean"
HEADS = [
    "dense",
    "logistic_regression",
    "linear_discriminant",
    "linear_svm",
    "rbf_svm",
    "knn",
    "random_forest",
    "xgboost",
]
CLIPS = [1, 2, 5, 10, 20, 50]
EVAL_SHARE = 4


def draw(clips: EmbeddedClips, classes: int, count: int, rng: np.random.Generator) -> EmbeddedClips:
    """Draws a number of clips of every class, or all that a class has."""
    truth = one_hot(clips.targets, classes) > 0
    order = rng.permutation(len(truth))
    of_classes = [order[truth[order, k]][:count] for k in range(classes)]
    return clips.of(np.unique(np.concatenate(of_classes)))


def score(targets: np.ndarray, scores: np.ndarray) -> float:
    """Returns the accuracy, or the mean average precision where clips have several labels."""
    if targets.ndim > 1:
        return float(np.nanmean(average_precisions(targets > 0, scores)))
    return float((scores.argmax(axis=1) == targets).mean())


def nearest_mean(train: EmbeddedClips, test: EmbeddedClips, classes: int) -> np.ndarray:
    """Scores clips by the cosine of their features and the mean features of each class."""

    def unit(vectors: np.ndarray) -> np.ndarray:
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    features = train.features[:]
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-6
    known, asked = (unit((part - mean) / deviation) for part in (features, test.features[:]))
    truth = one_hot(train.targets, classes)
    return asked @ unit(truth.T @ known).T


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", type=Path)
    parser.add_argument("--heads", nargs="+", default=[BASELINE, *HEADS])
    parser.add_argument("--clips", nargs="+", type=int, default=CLIPS)
    parser.add_argument("--draws", type=int, default=5)
    arguments = parser.parse_args()
    output = arguments.output
    job = read_training_job(trainer_arguments(output, read_config(output)))
    splits = {name: load_clips(job, [split_files(output, name)]) for name in SPLITS}
    classes = len(job.classes)
    print(f"| head | {' | '.join(map(str, arguments.clips))} |")
    print(f"|---|{'---:|' * len(arguments.clips)}")
    for head in arguments.heads:
        cells = []
        for count in arguments.clips:
            reached = []
            for seed in range(arguments.draws):
                rng = np.random.default_rng(seed)
                train = draw(splits["train"], classes, count, rng)
                evaluation = draw(splits["eval"], classes, max(1, count // EVAL_SHARE), rng)
                if head == BASELINE:
                    scores = nearest_mean(train, splits["test"], classes)
                else:
                    settings = job.model.model_copy(update={"head": head})
                    this = dataclasses.replace(job, model=settings)
                    try:
                        fitted = train_head(this, train, evaluation, None)
                    except ConfigError:
                        continue
                    scores = score_clips(fitted.scores, splits["test"], classes)
                reached.append(score(splits["test"].targets, scores))
            shown = f"{np.mean(reached):.3f} ± {np.std(reached):.3f}" if reached else ""
            cells.append(shown)
        print(f"| {head} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
