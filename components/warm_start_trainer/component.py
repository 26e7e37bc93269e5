"""The WarmStartTrainer node."""

from typing import Any

from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel
from tfx.types.component_spec import ChannelParameter
from tfx.types.standard_component_specs import TrainerSpec

from components.artifacts import Noise
from components.trainer_node import TrainerNode
from components.warm_start_trainer.executor import Executor


class WarmStartTrainerSpec(TrainerSpec):
    """The inputs, outputs and parameters of TFX's Trainer, and two more inputs."""

    INPUTS = {
        **TrainerSpec.INPUTS,
        "noise": ChannelParameter(type=Noise),
        "previous_model": ChannelParameter(type=standard_artifacts.Model, optional=True),
    }


class WarmStartTrainer(TrainerNode):
    """Calls a `run_fn` as TFX's Trainer does.

    The executor adds `noise_files`, `previous_model` and `backup_folder` to its `custom_config`.

    Outputs: `model` and `model_run`.

    Args:
        run_fn: The function's import path.
        inputs: `examples` of clips, `transform_graph`, `schema`, `base_model` (VGGish's weights),
            `noise` and, if training starts from a previous model, `previous_model`.
        custom_config: Further arguments for the function.
    """

    SPEC_CLASS = WarmStartTrainerSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(self, run_fn: str, inputs: dict[str, BaseChannel], custom_config: dict[str, Any]):
        super().__init__(WarmStartTrainerSpec, run_fn, inputs, custom_config)
