"""Tells a `run_fn` where the backups of its training are."""

from typing import Any

from tfx.components.trainer.executor import GenericExecutor
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from components.unfinished_work import unfinished_folder

BACKUPS_FOLDER = "training"
"""Folder of backups in the Trainer's folder, which also has one folder per output."""


class ResumingExecutor(GenericExecutor):
    """TFX's executor of Trainers, which adds `backup_folder` to `custom_config`.

    A node that was killed finds the folder again.
    """

    def _GetFnArgs(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> FnArgs:
        fn_args = super()._GetFnArgs(input_dict, output_dict, exec_properties)
        model = artifact_utils.get_single_uri(output_dict["model"])
        fn_args.custom_config["backup_folder"] = unfinished_folder(
            BACKUPS_FOLDER, model, input_dict, exec_properties
        )
        return fn_args
