"""Tells a `run_fn` where the noise, the previous model and the backups are."""

import os
from typing import Any

from tfx.components.trainer.executor import GenericExecutor
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from components.artifacts import holds_model
from components.unfinished_work import unfinished_folder

BACKUPS_FOLDER = "training"
"""Folder of backups in the Trainer's folder, which also has one folder per output."""


class Executor(GenericExecutor):
    """TFX's executor of Trainers, which adds to `custom_config`.

    Its backups are in a folder that a killed node finds again.
    """

    def _GetFnArgs(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> FnArgs:
        fn_args = super()._GetFnArgs(input_dict, output_dict, exec_properties)
        noise = artifact_utils.get_single_uri(input_dict["noise"])
        previous = [m for m in input_dict.get("previous_model", []) if holds_model(m)]
        model = artifact_utils.get_single_uri(output_dict["model"])
        fn_args.custom_config |= {
            "noise_files": [os.path.join(noise, "*")],
            "previous_model": (
                path_utils.serving_model_path(artifact_utils.get_single_uri(previous))
                if previous
                else None
            ),
            "backup_folder": unfinished_folder(BACKUPS_FOLDER, model, input_dict, exec_properties),
        }
        return fn_args
