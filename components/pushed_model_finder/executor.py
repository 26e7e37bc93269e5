"""Copies the model that was pushed last."""

from typing import Any

import tensorflow as tf
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.proto.pusher_pb2 import PushDestination
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils, path_utils, proto_utils

from components.pushed_models import newest_model, pushed_versions


def find_pushed_model(
    inputs: dict[str, list[Artifact]], exec_properties: dict[str, Any]
) -> str | None:
    """Finds the model.

    Args:
        inputs: The models of this run.
        exec_properties: `push_destination`.

    Returns:
        The model's folder; None if there is none.
    """
    rivals = [path_utils.serving_model_path(m.uri) for models in inputs.values() for m in models]
    destination = proto_utils.json_to_proto(exec_properties["push_destination"], PushDestination())
    return newest_model(pushed_versions(destination.filesystem.base_directory), rivals)


class Executor(BaseExecutor):
    """Finds the model and copies it, since its folder may be deleted later."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Copies the model, if there is one.

        Args:
            input_dict: The models of this run.
            output_dict: `model`.
            exec_properties: `push_destination`.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        uri = artifact_utils.get_single_uri(output_dict["model"])
        tf.io.gfile.makedirs(uri)
        found = find_pushed_model(input_dict, exec_properties)
        if found:
            io_utils.copy_dir(found, path_utils.serving_model_dir(uri))
