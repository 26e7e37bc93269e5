"""The ExampleValidator node."""

from tfx.components.example_validator import component
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec

from components.example_validator.executor import Executor


class ExampleValidator(component.ExampleValidator):
    """TFX's ExampleValidator, which fails if it finds anomalies."""

    EXECUTOR_SPEC = ExecutorClassSpec(Executor)
