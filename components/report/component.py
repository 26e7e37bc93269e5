"""The Report node."""

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components import artifacts
from components.report.executor import Executor


class ReportSpec(ComponentSpec):
    """The inputs, outputs and parameters of Report; `Report` adds those of the layer taps."""

    PARAMETERS = {
        "config": ExecutionParameter(type=str),
    }
    INPUTS = {
        "rejects": ChannelParameter(type=artifacts.Rejects),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "weights": ChannelParameter(type=standard_artifacts.Model),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_run": ChannelParameter(type=standard_artifacts.ModelRun),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "infra_blessing": ChannelParameter(type=standard_artifacts.InfraBlessing),
        "comparison": ChannelParameter(type=artifacts.ModelComparison),
        "pushed_model": ChannelParameter(type=standard_artifacts.PushedModel),
    }
    OUTPUTS = {"report": ChannelParameter(type=artifacts.ReportPage)}


class Report(BaseComponent):
    """Gathers what the other nodes found out.

    Output: `report`, with `report.html` for people, `summary.json` for programs, and the data that
    both were made from.

    Args:
        config: The configuration as JSON.
        **inputs: A channel for each of the specification's inputs, and, of every layer tap that was
            exported, `embeddings_TAP` and `table_TAP`.
    """

    SPEC_CLASS = ReportSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(self, *, config: str, **inputs: BaseChannel):
        types = {key: ChannelParameter(type=channel.type) for key, channel in inputs.items()}
        spec_class = type("ReportSpec", (ReportSpec,), {"INPUTS": {**ReportSpec.INPUTS, **types}})
        super().__init__(
            spec_class(
                config=config,
                report=Channel(type=artifacts.ReportPage),
                **inputs,
            )
        )
