"""What a cross-validation costs beside the trainings in it.

Usage: python benchmarks/cross_validation.py OUTPUT [--folds N]

OUTPUT is the folder of a finished run. Its first model is trained on the train clips of each fold,
and then cross-validated: reading and planning, loading the features, training, scoring, metrics and
the output files. Both are CPU seconds of this process, of all threads; their ratio is the cost.
"""

import argparse
import tempfile
import time
from pathlib import Path

from finished_run import newest, read_config, split_files, trainer_arguments
from tfx.types import artifact_utils, standard_artifacts

from components.folds.fold_clips import read_fold_clips
from components.folds.fold_plan import plan_folds
from schema.config.split_settings import SPLITS
from trainer.cross_validation.cross_validation import run_fn
from trainer.cross_validation.fold_scores import split_clips
from trainer.fitting.frozen_head import load_clips, train_head
from trainer.fitting.training_job import read_training_job


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    options = parser.parse_args()
    config = read_config(options.output)
    examples = standard_artifacts.Examples()
    examples.uri = str(newest(options.output, "AudioExampleGen", "examples"))
    examples.split_names = artifact_utils.encode_split_names([*SPLITS])
    with tempfile.TemporaryDirectory() as scratch:
        fn_args = trainer_arguments(options.output, config)
        fn_args.train_files = [split_files(options.output, split) for split in SPLITS]
        fn_args.working_dir = str(Path(scratch, "finished"))
        fn_args.custom_config["outputs"] = {"cross_validation": str(Path(scratch, "out"))}
        begin = time.process_time()
        folds = plan_folds(
            list(read_fold_clips(examples, SPLITS)),
            options.folds,
            eval_share=config.split.eval_share,
            seed=config.split.seed,
        )
        planned = time.process_time() - begin
        job = read_training_job(fn_args)
        parts = [split_clips(load_clips(job, fn_args.train_files), fold) for fold in folds]
        train_head(job, *parts[0][:2])  # What the first training of a process costs more.
        begin = time.process_time()
        for train, evaluation, _ in parts:
            train_head(job, train, evaluation)
        bare = time.process_time() - begin
        fn_args.custom_config["folds"] = folds
        begin = time.process_time()
        run_fn(fn_args)
        whole = planned + time.process_time() - begin
    print(
        f"{len(folds)} trainings {bare:.1f} s, cross-validation {whole:.1f} s (planning "
        f"{planned:.1f} s): ratio {whole / bare:.2f}"
    )


if __name__ == "__main__":
    main()
