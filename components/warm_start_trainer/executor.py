"""Tells a `run_fn` where the noise and the previous model are."""

import os
from typing import Any

from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from components.artifacts import holds_model
from components.resuming_executor import ResumingExecutor


class Executor(ResumingExecutor):
    """The executor of trainings that resume, with more inputs."""

    def _GetFnArgs(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> FnArgs:
        fn_args = super()._GetFnArgs(input_dict, output_dict, exec_properties)
        noise = artifact_utils.get_single_uri(input_dict["noise"])
        previous = [m for m in input_dict.get("previous_model", []) if holds_model(m)]
        fn_args.custom_config |= {
            "noise_files": [os.path.join(noise, "*")],
            "previous_model": (
                path_utils.serving_model_path(artifact_utils.get_single_uri(previous))
                if previous
                else None
            ),
        }
        return fn_args
