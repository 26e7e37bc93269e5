"""The CrossValidator node."""

from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types.component_spec import ChannelParameter

from components.artifacts import CrossValidation
from components.folds.executor import FoldExecutor
from components.folds.node import FoldNode, FoldSpec


class CrossValidatorSpec(FoldSpec):
    """The inputs, outputs and parameters of CrossValidator."""

    OUTPUTS = {"cross_validation": ChannelParameter(type=CrossValidation)}


class CrossValidator(FoldNode):
    """Trains and tests a head over folds of all clips.

    Output: `cross_validation`, with `cross_validation.json` and a table of the tested clips.
    """

    SPEC_CLASS = CrossValidatorSpec
    EXECUTOR_SPEC = ExecutorClassSpec(FoldExecutor)
