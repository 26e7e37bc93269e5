"""The expected calibration error of a model's scores."""

from functools import partial

from schema.reliability import measure_reliability
from trainer.metrics.clip_metrics import ClipMetric, MetricValues, ScoredClips

CALIBRATION_ERROR = "calibration_error"


class CalibrationError(ClipMetric):
    """The expected calibration error for TensorFlow Model Analysis; see `measure_reliability`.

    Args:
        multi_label: Whether a clip may have any number of labels.
        name: Name of the metric.
    """

    def __init__(self, multi_label: bool, name: str = CALIBRATION_ERROR):
        super().__init__(partial(_error, multi_label=multi_label), name, multi_label=multi_label)


def _error(clips: ScoredClips, *, multi_label: bool) -> MetricValues:
    measured = measure_reliability(clips.truth, clips.scores, multi_label=multi_label)
    return MetricValues({CALIBRATION_ERROR: measured.error})
