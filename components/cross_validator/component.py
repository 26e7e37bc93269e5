"""The CrossValidator node."""

from typing import Any

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import json_utils

from components.artifacts import CrossValidation
from components.folds.executor import FoldExecutor


class CrossValidatorSpec(ComponentSpec):
    """The inputs, outputs and parameters of CrossValidator."""

    PARAMETERS = {
        "run_fn": ExecutionParameter(type=str),
        "folds": ExecutionParameter(type=str),
        "eval_share": ExecutionParameter(type=float),
        "seed": ExecutionParameter(type=int),
        "custom_config": ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "embeddings": ChannelParameter(type=standard_artifacts.Examples),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
    }
    OUTPUTS = {"cross_validation": ChannelParameter(type=CrossValidation)}


class CrossValidator(BaseComponent):
    """Trains and tests a head over folds of the clips, on the features that Trainers use.

    A node that was killed goes on with the next fold.

    Output: `cross_validation`, with `cross_validation.json` and a table of the tested clips.

    Args:
        run_fn: The import path of the function that trains and tests.
        inputs: `examples` of clips, `embeddings` and `transform_graph`.
        folds: Number of folds, or `all` for those of the source.
        eval_share: Share of the training folds that chooses epochs, calibration and thresholds.
        seed: Seed of what the source does not decide.
        custom_config: Further arguments for the function.
    """

    SPEC_CLASS = CrossValidatorSpec
    EXECUTOR_SPEC = ExecutorClassSpec(FoldExecutor)

    def __init__(
        self,
        run_fn: str,
        inputs: dict[str, BaseChannel],
        *,
        folds: int | str,
        eval_share: float,
        seed: int,
        custom_config: dict[str, Any],
    ):
        super().__init__(
            CrossValidatorSpec(
                **inputs,
                run_fn=run_fn,
                folds=str(folds),
                eval_share=eval_share,
                seed=seed,
                custom_config=json_utils.dumps(custom_config),
                cross_validation=Channel(type=CrossValidation),
            )
        )
