"""The BatchPredictor node."""

from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec

from components.artifacts import Predictions, Rejects
from components.batch_predictor.executor import Executor


class BatchPredictorSpec(ComponentSpec):
    """The inputs, outputs and parameters of BatchPredictor."""

    PARAMETERS: dict = {}
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "rejects": ChannelParameter(type=Rejects),
    }
    OUTPUTS = {
        "predictions": ChannelParameter(type=Predictions),
        "test_predictions": ChannelParameter(type=Predictions),
    }


class BatchPredictor(BaseBeamComponent):
    """Scores the clips of the test split and those without labels, as a server would.

    Outputs: `predictions`, Parquet with one row per clip of the split `unlabelled`;
    `test_predictions`, one Parquet file with one row per clip of the split `test`.

    Args:
        examples: AudioExampleGen's `examples`.
        model: The model.
        rejects: AudioExampleGen's `rejects`, for the numbers of clips.
    """

    SPEC_CLASS = BatchPredictorSpec
    EXECUTOR_SPEC = BeamExecutorSpec(Executor)

    def __init__(self, examples: BaseChannel, model: BaseChannel, rejects: BaseChannel):
        super().__init__(
            BatchPredictorSpec(
                examples=examples,
                model=model,
                rejects=rejects,
                predictions=Channel(type=Predictions),
                test_predictions=Channel(type=Predictions),
            )
        )
