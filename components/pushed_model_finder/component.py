"""The PushedModelFinder node."""

from typing import Any

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.fingerprint import FingerprintDriver
from components.pushed_model_finder.executor import Executor, find_pushed_model


class PushedModelFinderSpec(ComponentSpec):
    """The output and parameter of PushedModelFinder, which adds its inputs."""

    PARAMETERS = {
        "push_destination": ExecutionParameter(type=str),
    }
    INPUTS: dict = {}
    OUTPUTS = {"model": ChannelParameter(type=standard_artifacts.Model)}


class PushedModelFinder(BaseComponent):
    """Finds the model that was pushed last, except the models of this run.

    A model need not be better than itself or its rivals. Since those are left out, a repeated run
    finds the same model, and the Evaluator's cached results stay valid.

    Output: `model`, a copy; empty if no other model was pushed yet.

    Args:
        rivals: The models of this run by their names.
        push_destination: The Pusher's destination, as JSON.
    """

    SPEC_CLASS = PushedModelFinderSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)
    DRIVER_CLASS = FingerprintDriver

    def __init__(
        self,
        rivals: dict[str, BaseChannel],
        push_destination: str | RuntimeParameter,
    ):
        types = {
            f"rival_{name}": ChannelParameter(type=standard_artifacts.Model) for name in rivals
        }
        spec_class = type("PushedModelFinderSpec", (PushedModelFinderSpec,), {"INPUTS": types})
        super().__init__(
            spec_class(
                push_destination=push_destination,
                model=Channel(type=standard_artifacts.Model),
                **{f"rival_{name}": channel for name, channel in rivals.items()},
            )
        )

    @staticmethod
    def fingerprint(inputs: dict[str, list[Artifact]], exec_properties: dict[str, Any]) -> str:
        """Returns the folder of the model that the node would find."""
        return find_pushed_model(inputs, exec_properties) or ""
