"""The metrics of the Evaluator, and its thresholds for a model."""

import json

from tensorflow_model_analysis.proto import config_pb2

from schema import clip_examples
from schema.config.delivery_settings import EvaluateSettings

_SLICES = {
    "label": clip_examples.LABELS,
    "duration": clip_examples.DURATION,
    "group": clip_examples.GROUP,
}
"""The feature of each kind of slice; the signature `targets` turns seconds into buckets."""


def eval_config(settings: EvaluateSettings, *, multi_label: bool) -> config_pb2.EvalConfig:
    """Builds the Evaluator's configuration.

    The Evaluator calls the served model, through its signature `examples`, on clips.

    Args:
        settings: The thresholds and the slices.
        multi_label: Whether a clip may have several labels, or none.

    Returns:
        Metrics over all clips and over slices. The first one, over all clips, decides the blessing:
        it has a lower bound, and a bound on its drop below the last blessed model's.
    """
    model = config_pb2.ModelSpec(
        signature_name="examples",
        model_type="tf_generic",
        prediction_key="scores",
        label_key=clip_examples.TARGETS,
        preprocessing_function_names=["targets"],
    )
    threshold = config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(lower_bound={"value": settings.min_score}),
        change_threshold=config_pb2.GenericChangeThreshold(
            direction=config_pb2.MetricDirection.HIGHER_IS_BETTER,
            absolute={"value": -settings.max_drop},
        ),
    )
    metrics = _multi_label_metrics() if multi_label else _single_label_metrics()
    # A threshold without slices would apply to every slice.
    metrics[0].per_slice_thresholds.add(
        slicing_specs=[config_pb2.SlicingSpec()], threshold=threshold
    )
    metrics += _common_metrics(multi_label=multi_label)
    return config_pb2.EvalConfig(
        model_specs=[model],
        metrics_specs=[config_pb2.MetricsSpec(metrics=metrics)],
        slicing_specs=[config_pb2.SlicingSpec()]
        + [config_pb2.SlicingSpec(feature_keys=[_SLICES[kind]]) for kind in settings.slices],
    )


def _single_label_metrics() -> list[config_pb2.MetricConfig]:
    return [
        _metric("Accuracy", "trainer.metrics.accuracy"),
        # At threshold 0, the class with the highest score is predicted, even if that is low.
        config_pb2.MetricConfig(
            class_name="MultiClassConfusionMatrixAtThresholds", config='{"thresholds": [0]}'
        ),
    ]


def _multi_label_metrics() -> list[config_pb2.MetricConfig]:
    return [
        _metric("Lwlrap", "trainer.metrics.lwlrap"),
        _metric("LabelDecisions", "trainer.metrics.decisions"),
    ]


def _common_metrics(*, multi_label: bool) -> list[config_pb2.MetricConfig]:
    return [
        config_pb2.MetricConfig(class_name="ExampleCount"),
        _metric("Ranking", "trainer.metrics.ranking"),
        _metric("ClassDecisions", "trainer.metrics.decisions"),
        _metric("CrossEntropy", "trainer.metrics.cross_entropy", multi_label=multi_label),
        _metric("CalibrationError", "trainer.metrics.calibration_error", multi_label=multi_label),
        _metric("Intervals", "trainer.metrics.intervals", multi_label=multi_label),
    ]


def _metric(class_name: str, module: str, **config: bool) -> config_pb2.MetricConfig:
    return config_pb2.MetricConfig(class_name=class_name, module=module, config=json.dumps(config))
