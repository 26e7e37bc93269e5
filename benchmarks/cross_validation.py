"""What a cross-validation costs beside the trainings in it.

Usage: python benchmarks/cross_validation.py OUTPUT [--folds N]

OUTPUT is the folder of a finished run. Its first model is trained on the train clips of each fold,
and then cross-validated: reading and planning, loading the features, training, scoring, metrics and
the output files. Both are CPU seconds of this process, of all threads; their ratio is the cost.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.types import artifact_utils, standard_artifacts

from components.folds.fold_clips import read_fold_clips
from components.folds.fold_plan import plan_folds
from schema.config.config import Config
from schema.config.split_settings import SPLITS
from trainer.cross_validation.cross_validation import run_fn
from trainer.cross_validation.fold_scores import split_clips
from trainer.fitting.frozen_head import load_clips, train_head
from trainer.fitting.training_job import read_training_job


def newest(output: Path, node: str, key: str) -> Path:
    """Returns the newest artifact of a node."""
    return max((output / "pipeline" / node / key).iterdir(), key=lambda path: int(path.name))


def arguments(output: Path, config: Config, scratch: Path) -> FnArgs:
    """Builds what a CrossValidator gives its function, without the folds."""
    model = config.model[0]
    embeddings = newest(output, "EmbeddingExporter", "embeddings")
    graph = newest(output, "Transform", "transform_graph")
    return FnArgs(
        train_files=[str(embeddings / f"Split-{split}" / "*") for split in SPLITS],
        transform_output=str(graph),
        working_dir=str(scratch / "finished"),
        custom_config={
            "model": model.model_dump(mode="json", exclude={"train"}),
            "train": config.train_settings(model).model_dump(mode="json"),
            "features": config.features.model_dump(mode="json", exclude={"cache"}),
            "max_clip_samples": config.ingest.max_clip_samples,
            "embedding_size": config.embedding_size,
            "outputs": {"cross_validation": str(scratch / "out")},
        },
    )


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    options = parser.parse_args()
    summary = json.loads((options.output / "summary.json").read_text())
    config = Config.model_validate(summary["config"])
    examples = standard_artifacts.Examples()
    examples.uri = str(newest(options.output, "AudioExampleGen", "examples"))
    examples.split_names = artifact_utils.encode_split_names([*SPLITS])
    with tempfile.TemporaryDirectory() as scratch:
        fn_args = arguments(options.output, config, Path(scratch))
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
