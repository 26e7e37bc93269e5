"""All metrics of clips at once, without TensorFlow Model Analysis."""

from trainer.metrics.accuracy import Accuracy
from trainer.metrics.calibration_error import CalibrationError
from trainer.metrics.clip_metrics import ClipMetric, ScoredClips
from trainer.metrics.cross_entropy import CrossEntropy
from trainer.metrics.decisions import ClassDecisions, LabelDecisions
from trainer.metrics.lwlrap import Lwlrap
from trainer.metrics.ranking import Ranking


def measure_clips(clips: ScoredClips, *, multi_label: bool) -> dict[str, float]:
    """Computes the metrics over all classes that the Evaluator computes of a model.

    Args:
        clips: The clips; at least one.
        multi_label: Whether a clip may have any number of labels.

    Returns:
        Values by metric, without those that are undefined for the clips.
    """
    of_task: list[ClipMetric] = [Lwlrap(), LabelDecisions()] if multi_label else [Accuracy()]
    common: list[ClipMetric] = [
        Ranking(),
        ClassDecisions(),
        CrossEntropy(multi_label),
        CalibrationError(multi_label),
    ]
    measured = [metric.compute(clips).overall for metric in of_task + common]
    return {name: float(value) for values in measured for name, value in values.items()}
