"""Tells a `run_fn` where the members of an ensemble are."""

from typing import Any

from tfx.components.trainer.executor import GenericExecutor
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

MODEL = "member_model_"
MODEL_RUN = "member_run_"
"""Prefixes of the inputs of members, before the names of models."""


class Executor(GenericExecutor):
    """TFX's executor of Trainers, which adds to `custom_config`."""

    def _GetFnArgs(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> FnArgs:
        fn_args = super()._GetFnArgs(input_dict, output_dict, exec_properties)
        names = [key.removeprefix(MODEL) for key in input_dict if key.startswith(MODEL)]
        fn_args.custom_config["members"] = {
            name: {
                "model": path_utils.serving_model_path(
                    artifact_utils.get_single_uri(input_dict[f"{MODEL}{name}"])
                ),
                "model_run": artifact_utils.get_single_uri(input_dict[f"{MODEL_RUN}{name}"]),
            }
            for name in names
        }
        return fn_args
