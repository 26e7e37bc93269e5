"""Time and memory of an evaluation of many clips and classes, beyond the model's own scoring.

Usage: python benchmarks/evaluation_size.py [--clips N] [--classes C] [--slices NAME ...]

Draws labels, as rare as AudioSet's, and scores, and has TensorFlow Model Analysis compute what the
Evaluator computes, on Beam's local runner. Prints CPU seconds, wall seconds, and the peak of the
process's memory (VmHWM), of which the imports are the first number.
"""

import argparse
import resource
import time

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipeline.eval_config import eval_config
from schema.config.delivery_settings import EvaluateSettings


def draw_extracts(clips: int, classes: int) -> list[dict]:
    """Draws clips of 2.6 labels on average as TFMA reads them from a model's answers."""
    rng = np.random.default_rng(0)
    share = np.clip(np.exp(rng.normal(-6, 1, classes)), 0.003, 0.3)
    extracts = []
    for number in range(clips):
        truth = rng.random(classes) < share
        scores = 1 / (1 + np.exp(3 - 3 * truth - rng.normal(size=classes)))
        names = np.array([b"%d" % label for label in np.flatnonzero(truth)], object)
        extracts.append(
            {
                tfma.LABELS_KEY: truth.astype(np.float32),
                tfma.PREDICTIONS_KEY: {
                    "scores": scores.astype(np.float32),
                    "decisions": scores > 0.5,
                },
                tfma.FEATURES_KEY: {
                    "labels": names,
                    "duration": np.array([b"10"], object),
                    "group": np.array([b"%d" % (number // 10)], object),
                },
            }
        )
    return extracts


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=int, default=20_000)
    parser.add_argument("--classes", type=int, default=527)
    parser.add_argument("--slices", nargs="*", default=["label", "duration"])
    arguments = parser.parse_args()
    imported = peak_gb()
    extracts = draw_extracts(arguments.clips, arguments.classes)
    config = eval_config(EvaluateSettings(slices=tuple(arguments.slices)), multi_label=True)
    cpu, wall = time.process_time(), time.monotonic()
    with beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions([])) as pipeline:
        evaluation = (
            pipeline
            | beam.Create(extracts)
            | tfma.extractors.SliceKeyExtractor(eval_config=config).ptransform
            | tfma.evaluators.MetricsPlotsAndValidationsEvaluator(config).ptransform
        )
        evaluation[tfma.METRICS_KEY] | beam.Map(len)
    print(
        f"{arguments.clips:,} clips, {arguments.classes} classes, {' '.join(arguments.slices)}: "
        f"{time.process_time() - cpu:.0f} CPU s, {time.monotonic() - wall:.0f} s, "
        f"{imported:.2f} GB imported, {peak_gb():.2f} GB at the peak"
    )


def peak_gb() -> float:
    """Returns the peak of this process's memory in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    main()
