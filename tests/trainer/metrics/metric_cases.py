"""Clips to measure, and TensorFlow Model Analysis run on them, as the Evaluator runs it."""

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from beam_pipelines import TestPipeline
from tensorflow_model_analysis.proto import config_pb2

from trainer.metrics.clip_metrics import ScoredClips


def several_labels(clips: int = 120, classes: int = 7, seed: int = 0) -> ScoredClips:
    """Clips of several labels, or none; the last class has no clips, and many scores are equal."""
    rng = np.random.default_rng(seed)
    truth = rng.random([clips, classes]) < np.linspace(0.5, 0.1, classes)
    truth[:, -1] = False
    scores = np.round(rng.beta(1, 2 - truth), 2).astype(np.float32)
    thresholds = rng.uniform(0.2, 0.6, classes)
    return ScoredClips(truth, scores, scores >= thresholds)


def one_label(clips: int = 120, classes: int = 7, seed: int = 0) -> ScoredClips:
    """Clips of one label; the last class has no clips, and the model is mostly right and sure."""
    rng = np.random.default_rng(seed)
    own = rng.integers(classes - 1, size=clips)
    logits = rng.normal(0, 3, [clips, classes]) + 6 * np.eye(classes)[own]
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    decisions = np.eye(classes, dtype=bool)[scores.argmax(axis=1)]
    return ScoredClips(np.eye(classes, dtype=bool)[own], scores.astype(np.float32), decisions)


def analyse(
    clips: ScoredClips,
    metrics: list[config_pb2.MetricConfig],
    *,
    multi_label: bool,
    bundles: int = 5,
) -> dict:
    """Computes metrics with TFMA's evaluator on clips that come in several bundles.

    Returns:
        Values by the metric's name and the class's number; None for the number where they are over
        all classes.
    """
    config = config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(prediction_key="scores", label_key="targets")],
        metrics_specs=[config_pb2.MetricsSpec(metrics=metrics)],
    )
    extracts = [
        {
            tfma.LABELS_KEY: (
                truth.astype(np.float32)
                if multi_label
                else np.append(np.flatnonzero(truth), -1)[:1]
            ),
            tfma.PREDICTIONS_KEY: {"scores": scores, "decisions": decisions},
            tfma.FEATURES_KEY: {},
        }
        for truth, scores, decisions in zip(clips.truth, clips.scores, clips.decisions, strict=True)
    ]
    _found.clear()
    with TestPipeline() as pipeline:
        parts = [
            pipeline | f"Bundle{i}" >> beam.Create(extracts[i::bundles]) for i in range(bundles)
        ]
        evaluation = (
            parts
            | beam.Flatten()
            | tfma.extractors.SliceKeyExtractor(eval_config=config).ptransform
            | tfma.evaluators.MetricsPlotsAndValidationsEvaluator(config).ptransform
        )
        evaluation[tfma.METRICS_KEY] | beam.Map(_keep)
    return dict(_found)


_found: dict = {}
"""Results of Beam's workers, which are threads of this process."""


def _keep(result: tuple) -> None:
    _, values = result
    _found.update({(k.name, k.sub_key and k.sub_key.class_id): v for k, v in values.items()})
