"""The BatchPredictor node."""

from typing import Any

from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import Events, Predictions, Rejects
from components.batch_predictor.executor import Executor
from components.batch_predictor.recordings import recordings_fingerprint
from components.fingerprint import FingerprintDriver
from schema.config.predict.predict_settings import PredictSettings
from vggish.audio.decoding import Resampler


class BatchPredictorSpec(ComponentSpec):
    """The inputs, outputs and parameters of BatchPredictor."""

    PARAMETERS = {
        "predict": ExecutionParameter(type=str),
        "resampler": ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "rejects": ChannelParameter(type=Rejects),
    }
    OUTPUTS = {
        "predictions": ChannelParameter(type=Predictions),
        "test_predictions": ChannelParameter(type=Predictions),
        "events": ChannelParameter(type=Events),
        "test_events": ChannelParameter(type=Events),
    }


class BatchPredictor(BaseBeamComponent):
    """Scores the clips of the test split and those without labels, and finds events in recordings.

    Outputs: `predictions`, Parquet with one row per clip of the split `unlabelled`;
    `test_predictions`, one Parquet file with one row per clip of the split `test`; `events`, the
    events in recordings and an account of these, empty without recordings; `test_events`, the same
    of the annotated recordings of the test split.

    Args:
        examples: AudioExampleGen's `examples`.
        model: The model.
        rejects: AudioExampleGen's `rejects`, for the numbers of clips.
        predict: The recordings, and how events are found in them.
        resampler: Resampler of recordings, as of the clips.
    """

    SPEC_CLASS = BatchPredictorSpec
    EXECUTOR_SPEC = BeamExecutorSpec(Executor)
    DRIVER_CLASS = FingerprintDriver

    def __init__(
        self,
        examples: BaseChannel,
        model: BaseChannel,
        rejects: BaseChannel,
        *,
        predict: PredictSettings,
        resampler: Resampler,
    ):
        super().__init__(
            BatchPredictorSpec(
                examples=examples,
                model=model,
                rejects=rejects,
                predict=predict.model_dump_json(),
                resampler=resampler,
                predictions=Channel(type=Predictions),
                test_predictions=Channel(type=Predictions),
                events=Channel(type=Events),
                test_events=Channel(type=Events),
            )
        )

    @staticmethod
    def fingerprint(_: dict[str, list[Artifact]], exec_properties: dict[str, Any]) -> str:
        """Returns a text that changes when a recording is added, removed or changed."""
        recordings = PredictSettings.model_validate_json(exec_properties["predict"]).recordings
        return "" if recordings is None else recordings_fingerprint(recordings)
