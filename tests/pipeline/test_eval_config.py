"""The Evaluator's configuration, which names metrics by strings."""

import importlib
import json
import pkgutil

import pytest
import tensorflow_model_analysis as tfma

import trainer.metrics
from pipeline.eval_config import eval_config
from schema.config.delivery_settings import EvaluateSettings
from trainer.metrics.clip_metrics import ClipMetric


@pytest.mark.parametrize("multi_label", [False, True])
def test_every_named_metric_exists_and_takes_its_arguments(multi_label: bool) -> None:
    metrics = eval_config(EvaluateSettings(), multi_label=multi_label).metrics_specs[0].metrics
    own = [metric for metric in metrics if metric.module]
    assert len(own) > 4
    for metric in own:
        metric_class = getattr(importlib.import_module(metric.module), metric.class_name)
        assert issubclass(metric_class, ClipMetric)
        metric_class(**json.loads(metric.config))
    for metric in metrics:
        if not metric.module:
            assert issubclass(getattr(tfma.metrics, metric.class_name), tfma.metrics.Metric)


def test_every_metric_of_the_project_is_named() -> None:
    for module in pkgutil.iter_modules(trainer.metrics.__path__):
        importlib.import_module(f"trainer.metrics.{module.name}")
    metrics = [
        metric
        for multi_label in (False, True)
        for metric in eval_config(EvaluateSettings(), multi_label=multi_label)
        .metrics_specs[0]
        .metrics
    ]
    named = {(metric.module, metric.class_name) for metric in metrics if metric.module}
    defined = {(cls.__module__, cls.__name__) for cls in ClipMetric.__subclasses__()}
    assert named == defined
