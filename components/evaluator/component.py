"""The Evaluator node."""

from tfx.components.evaluator import component
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec

from components.evaluator.executor import Executor


class Evaluator(component.Evaluator):
    """TFX's Evaluator, which accepts an empty `baseline_model` as none."""

    EXECUTOR_SPEC = BeamExecutorSpec(Executor)
