"""The ServingValidator node."""

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.serving_validator.executor import Executor


class ServingValidatorSpec(ComponentSpec):
    """The inputs, outputs and parameters of ServingValidator."""

    PARAMETERS = {
        "max_latency_ms": ExecutionParameter(type=float, optional=True),
        "max_memory_mb": ExecutionParameter(type=float, optional=True),
    }
    INPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_run": ChannelParameter(type=standard_artifacts.ModelRun),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
    }
    OUTPUTS = {"blessing": ChannelParameter(type=standard_artifacts.InfraBlessing)}


class ServingValidator(BaseComponent):
    """Calls a model as a server would, in a process that has only TensorFlow.

    Output: `blessing`, for the Pusher's `infra_blessing`, with the checks and measurements in
    `validation.json`.

    Args:
        model: The model.
        model_run: The Trainer's run, with its scores of the eval split.
        examples: The clip examples.
        max_latency_ms: Maximum latency for a one-second clip, in milliseconds; None: no limit.
        max_memory_mb: Maximum memory of the process, in MiB; None: no limit.
    """

    SPEC_CLASS = ServingValidatorSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: BaseChannel,
        model_run: BaseChannel,
        examples: BaseChannel,
        *,
        max_latency_ms: float | None,
        max_memory_mb: float | None,
    ):
        super().__init__(
            ServingValidatorSpec(
                model=model,
                model_run=model_run,
                examples=examples,
                max_latency_ms=max_latency_ms,
                max_memory_mb=max_memory_mb,
                blessing=Channel(type=standard_artifacts.InfraBlessing),
            )
        )
