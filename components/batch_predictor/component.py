"""The BatchPredictor node."""

from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec

from components.artifacts import Predictions
from components.batch_predictor.executor import Executor


class BatchPredictorSpec(ComponentSpec):
    """The inputs, outputs and parameters of BatchPredictor."""

    PARAMETERS: dict = {}
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "model": ChannelParameter(type=standard_artifacts.Model),
    }
    OUTPUTS = {"predictions": ChannelParameter(type=Predictions)}


class BatchPredictor(BaseBeamComponent):
    """Scores the clips without labels, through the model's served signature.

    Output: `predictions`, Parquet with one row per clip of the split `unlabelled`.
    """

    SPEC_CLASS = BatchPredictorSpec
    EXECUTOR_SPEC = BeamExecutorSpec(Executor)

    def __init__(self, examples: BaseChannel, model: BaseChannel):
        super().__init__(
            BatchPredictorSpec(
                examples=examples,
                model=model,
                predictions=Channel(type=Predictions),
            )
        )
