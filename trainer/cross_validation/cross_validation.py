"""The `run_fn` that trains and tests a head over folds."""

import json
import logging
import os
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from schema.folds import RESULTS_FILE, Fold
from trainer.cross_validation.fold_scores import FoldScores, kept_fold_scores
from trainer.fitting.frozen_head import load_clips
from trainer.fitting.training_job import read_training_job
from trainer.metrics.clip_metrics import ScoredClips
from trainer.metrics.intervals import measure_intervals
from trainer.metrics.measuring import measure_clips
from vggish.output_files import output_file
from vggish.progress import LOGGER_NAME, Progress


def run_fn(fn_args: FnArgs) -> None:
    """Trains and tests a head over folds, and writes the results.

    Args:
        fn_args: Arguments from `components.folds.executor`. `custom_config` is that of Trainers,
            with `folds` and the folder `outputs["cross_validation"]`. What is finished is kept in
            `working_dir` until all is.
    """
    job = read_training_job(fn_args)
    folds: list[Fold] = fn_args.custom_config["folds"]
    folder = fn_args.custom_config["outputs"]["cross_validation"]
    clips = load_clips(job, fn_args.train_files)
    progress = Progress("folds", len(folds))
    scores = {}
    for fold in folds:
        scores[fold.name] = kept_fold_scores(job, clips, fold, fn_args.working_dir)
        progress.advance()
    results = summarize_folds(scores, multi_label=job.multi_label)
    logging.getLogger(LOGGER_NAME).info("%s: %s", job.model.title, json.dumps(results["pooled"]))
    with output_file(os.path.join(folder, RESULTS_FILE)) as path:
        path.write_text(json.dumps(results, indent=2))
    with output_file(os.path.join(folder, f"{job.model.title}.parquet")) as path:
        pq.write_table(tabulate(scores, job.classes, multi_label=job.multi_label), path)
    tf.io.gfile.rmtree(fn_args.working_dir)


def summarize_folds(scores: dict[str, FoldScores], *, multi_label: bool) -> dict[str, Any]:
    """Measures every fold, and all of them together.

    Args:
        scores: The scores by the name of the fold.
        multi_label: Whether a clip may have any number of labels.

    Returns:
        `folds`, with the name, the numbers of `clips` and the `metrics` of each; `mean` and
        `deviation` of the metrics over folds; `pooled`, the metrics of all clips, each scored by
        the head that did not see it, and their 95% `intervals`.
    """
    measured = {
        name: measure_clips(fold.tested, multi_label=multi_label) for name, fold in scores.items()
    }
    everywhere = set.intersection(*(set(metrics) for metrics in measured.values()))
    by_metric = {
        metric: np.array([metrics[metric] for metrics in measured.values()])
        for metric in sorted(everywhere)
    }
    parts = [fold.tested for fold in scores.values()]
    pooled = ScoredClips(
        *(
            np.concatenate([getattr(part, field) for part in parts])
            for field in ("truth", "scores", "decisions")
        )
    )
    return {
        "folds": [
            {
                "fold": name,
                "clips": dict(zip(("train", "eval", "test"), fold.counts.tolist(), strict=True)),
                "metrics": measured[name],
            }
            for name, fold in scores.items()
        ],
        "mean": {name: float(values.mean()) for name, values in by_metric.items()},
        "deviation": {name: float(values.std(ddof=1)) for name, values in by_metric.items()},
        "pooled": measure_clips(pooled, multi_label=multi_label) | {"clips": len(pooled.truth)},
        "intervals": measure_intervals(pooled, multi_label=multi_label),
    }


def tabulate(scores: dict[str, FoldScores], classes: list[str], *, multi_label: bool) -> pa.Table:
    """Makes the table of all clips: `fname`, `fold`, `true`, `predicted`, `score_CLASS`."""
    kind = pa.list_(pa.string()) if multi_label else pa.string()

    def names(labels: np.ndarray) -> pa.Array:
        chosen = [[classes[k] for k in np.flatnonzero(row)] for row in labels]
        return pa.array(chosen if multi_label else [row[0] for row in chosen], kind)

    folds = scores.items()
    truth, decisions, values = (
        np.concatenate([getattr(fold.tested, field) for _, fold in folds])
        for field in ("truth", "decisions", "scores")
    )
    columns = {
        "fname": pa.array(np.concatenate([fold.clip_ids for _, fold in folds]), pa.string()),
        "fold": pa.array([name for name, fold in folds for _ in fold.clip_ids], pa.string()),
        "true": names(truth),
        "predicted": names(decisions),
        **{f"score_{name}": pa.array(values[:, k]) for k, name in enumerate(classes)},
    }
    return pa.table(columns).sort_by("fname")
