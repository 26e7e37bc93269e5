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
        "test_predictions": ChannelParameter(type=artifacts.Predictions),
        "test_events": ChannelParameter(type=artifacts.Events),
    }
    OUTPUTS = {"report": ChannelParameter(type=artifacts.ReportPage)}


class Report(BaseComponent):
    """Gathers the results of the other nodes.

    Output: `report`, with `report.html` for people, `summary.json` for programs, and the data that
    both show.

    Args:
        config: The settings that differ from the defaults, as JSON.
        **inputs: A channel for each of the specification's inputs, `embeddings_TAP` and
            `table_TAP` for every exported layer tap, and the `trials` of a search, if any.
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
