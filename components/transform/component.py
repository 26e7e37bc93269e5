"""The Transform node."""

from tfx.components.transform import component
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec

from components.transform.executor import Executor


class Transform(component.Transform):
    """TFX's Transform, whose examples are in gzip files that are not compressed."""

    EXECUTOR_SPEC = BeamExecutorSpec(Executor)
