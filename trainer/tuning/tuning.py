"""The `run_fn` that searches for the settings of a head."""

import json
import logging
import os

import keras
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from schema.config.model_settings import TuneSettings
from schema.folds import Fold
from schema.tuning import BEST_FILE, TRIALS_FILE
from trainer.clips.embedded_clips import EmbeddedClips
from trainer.cross_validation.fold_scores import kept_fold_scores
from trainer.fitting.frozen_head import load_clips
from trainer.fitting.training_job import TrainingJob, read_training_job, tuned_job
from trainer.metrics.measuring import measure_clips
from trainer.tuning.search_space import draw_settings
from trainer.tuning.successive_halving import Trial, halve
from vggish.output_files import output_file
from vggish.progress import LOGGER_NAME


def run_fn(fn_args: FnArgs) -> None:
    """Tries settings by cross-validation, and writes the best ones and all trials.

    Trial 0 has the settings of the job, which the others must beat.

    Args:
        fn_args: Arguments from `components.folds.executor`. `custom_config` is that of Trainers,
            with `tune`, `folds`, and the folders `outputs["best_hyperparameters"]` and
            `outputs["trials"]`. What is finished is kept in `working_dir` until all is.
    """
    job = read_training_job(fn_args)
    tune = TuneSettings.model_validate(fn_args.custom_config["tune"])
    folds: list[Fold] = fn_args.custom_config["folds"]
    search = _Search(job, fn_args.train_files, folds, fn_args.working_dir)
    trials = [Trial(0, {"model": {}, "train": {}})]
    trials += [Trial(n, draw_settings(tune.seed, n)) for n in range(1, tune.trials)]
    best = halve(trials, len(folds), search.score, minutes=tune.minutes)
    outputs = fn_args.custom_config["outputs"]
    with output_file(os.path.join(outputs["best_hyperparameters"], BEST_FILE)) as path:
        path.write_text(json.dumps(best.settings))
    found = {
        "metric": search.metric,
        "folds": len(folds),
        "chosen": best.number,
        "trials": [vars(trial) for trial in trials],
    }
    with output_file(os.path.join(outputs["trials"], TRIALS_FILE)) as path:
        path.write_text(json.dumps(found, indent=2))
    if tf.io.gfile.exists(fn_args.working_dir):
        tf.io.gfile.rmtree(fn_args.working_dir)


class _Search:
    """Tests settings on folds.

    Args:
        job: What is tuned.
        files: Patterns of the files of all clips.
        folds: The folds.
        folder: Folder that belongs to this search alone.
    """

    def __init__(self, job: TrainingJob, files: list[str], folds: list[Fold], folder: str):
        self.metric = "lwlrap" if job.multi_label else "accuracy"
        self._job = job
        self._files = files
        self._folds = folds
        self._folder = folder
        self._clips: dict[str, EmbeddedClips] = {}

    def score(self, trial: Trial, fold: int) -> float:
        """Trains without a fold, and returns the metric of its clips."""
        job = tuned_job(self._job, trial.settings)
        keras.utils.clear_session()  # Otherwise the graphs of all trials stay in memory.
        scores = kept_fold_scores(
            job,
            self._clips_for(job),
            self._folds[fold],
            os.path.join(self._folder, f"trial-{trial.number}"),
        )
        value = measure_clips(scores.tested, multi_label=job.multi_label)[self.metric]
        logging.getLogger(LOGGER_NAME).info(
            "trial %d, fold %d: %s %.4f, %s", trial.number, fold, self.metric, value, _named(trial)
        )
        return value

    def _clips_for(self, job: TrainingJob) -> EmbeddedClips:
        """Loads the clips once for each pooling."""
        pooling = job.model.pooling
        if pooling not in self._clips:
            self._clips[pooling] = load_clips(job, self._files)
        return self._clips[pooling]


def _named(trial: Trial) -> str:
    return json.dumps(trial.settings) if trial.number else "as configured"
