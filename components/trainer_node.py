"""A node that calls a `run_fn` as TFX's Trainer does, with inputs of its own."""

from typing import Any

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.proto import trainer_pb2
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ComponentSpec
from tfx.utils import json_utils


class TrainerNode(BaseComponent):
    """Learns from the split `train`, and decides by the split `eval`.

    Outputs: `model` and `model_run`.

    Args:
        spec_class: The node's spec: TFX's `TrainerSpec`, or one with other inputs.
        run_fn: The function's import path.
        inputs: The inputs by their names.
        custom_config: Further arguments for the function.
    """

    def __init__(
        self,
        spec_class: type[ComponentSpec],
        run_fn: str,
        inputs: dict[str, BaseChannel],
        custom_config: dict[str, Any],
    ):
        super().__init__(
            spec_class(
                **inputs,
                run_fn=run_fn,
                train_args=trainer_pb2.TrainArgs(splits=["train"]),
                eval_args=trainer_pb2.EvalArgs(splits=["eval"]),
                custom_config=json_utils.dumps(custom_config),
                model=Channel(type=standard_artifacts.Model),
                model_run=Channel(type=standard_artifacts.ModelRun),
            )
        )
