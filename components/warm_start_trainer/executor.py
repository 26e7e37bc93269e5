"""Tells a `run_fn` where the noise, the previous model and the backups are."""

import hashlib
import json
import os
from typing import Any

from tfx.components.trainer.executor import GenericExecutor
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from components.artifacts import holds_model

BACKUPS_FOLDER = "training"
"""Folder of backups in the Trainer's folder, which also has one folder per output."""


class Executor(GenericExecutor):
    """TFX's executor of Trainers, which adds to `custom_config`.

    A killed node starts again with other output folders. So its backups are in a folder that only
    a training with the same inputs and parameters finds.
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
        node_folder = os.path.dirname(os.path.dirname(model))
        fingerprint = _fingerprint(input_dict, exec_properties)
        fn_args.custom_config |= {
            "noise_files": [os.path.join(noise, "*")],
            "previous_model": (
                path_utils.serving_model_path(artifact_utils.get_single_uri(previous))
                if previous
                else None
            ),
            "backup_folder": os.path.join(node_folder, BACKUPS_FOLDER, fingerprint),
        }
        return fn_args


def _fingerprint(input_dict: dict[str, list[Artifact]], exec_properties: dict[str, Any]) -> str:
    uris = {key: [artifact.uri for artifact in input_dict[key]] for key in sorted(input_dict)}
    facts = json.dumps([uris, exec_properties], sort_keys=True, default=str)
    return hashlib.sha256(facts.encode()).hexdigest()[:16]
