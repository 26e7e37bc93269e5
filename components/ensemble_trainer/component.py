"""The EnsembleTrainer node."""

from typing import Any

from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types.channel import BaseChannel
from tfx.types.component_spec import ChannelParameter
from tfx.types.standard_component_specs import TrainerSpec

from components.ensemble_trainer.executor import MODEL, MODEL_RUN, Executor
from components.trainer_node import TrainerNode


class EnsembleTrainer(TrainerNode):
    """Calls a `run_fn` as TFX's Trainer does.

    The executor adds `members` to its `custom_config`.

    Outputs: `model` and `model_run`.

    Args:
        run_fn: The function's import path.
        inputs: `examples` with the targets of the clips, `transform_graph`, `schema` and
            `base_model` (the network's weights).
        members: The outputs `model` and `model_run` of a Trainer, by the name of its model.
        custom_config: Further arguments for the function.
    """

    SPEC_CLASS = TrainerSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        run_fn: str,
        inputs: dict[str, BaseChannel],
        members: dict[str, dict[str, BaseChannel]],
        custom_config: dict[str, Any],
    ):
        # One input per member, since not every runner joins several channels into one.
        of_members = {
            f"{prefix}{name}": outputs[key]
            for name, outputs in members.items()
            for prefix, key in ((MODEL, "model"), (MODEL_RUN, "model_run"))
        }
        types = {key: ChannelParameter(type=channel.type) for key, channel in of_members.items()}
        spec_class = type(
            "EnsembleTrainerSpec", (TrainerSpec,), {"INPUTS": {**TrainerSpec.INPUTS, **types}}
        )
        super().__init__(spec_class, run_fn, {**inputs, **of_members}, custom_config)
