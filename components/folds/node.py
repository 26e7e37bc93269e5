"""The base of nodes that train over folds."""

from typing import Any

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import json_utils

from schema.config.config import Config

_FOLDS_OF_A_SEARCH = 3
"""Number of folds of a search in a run without a cross-validation."""


class FoldSpec(ComponentSpec):
    """The inputs and parameters of nodes that train over folds; a subclass adds its outputs."""

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
    OUTPUTS: dict[str, ChannelParameter] = {}


class FoldNode(BaseComponent):
    """Calls a function with folds of the clips, and with the features that Trainers use.

    A node that was killed goes on with the next fold. A subclass has a specification and an
    executor.

    Args:
        run_fn: The import path of the function.
        inputs: `examples` of clips, `embeddings` and `transform_graph`.
        config: The configuration: of the folds, how many, and the eval part and the seed.
        custom_config: Further arguments for the function.
    """

    def __init__(
        self,
        run_fn: str,
        inputs: dict[str, BaseChannel],
        config: Config,
        custom_config: dict[str, Any],
    ):
        outputs = {key: Channel(type=kind.type) for key, kind in self.SPEC_CLASS.OUTPUTS.items()}
        super().__init__(
            self.SPEC_CLASS(
                **inputs,
                **outputs,
                run_fn=run_fn,
                folds=str(config.evaluate.folds or _FOLDS_OF_A_SEARCH),
                eval_share=config.split.eval_share,
                seed=config.split.seed,
                custom_config=json_utils.dumps(custom_config),
            )
        )
