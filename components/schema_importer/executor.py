"""Writes the schema."""

import os
from typing import Any

from tfx.components.schema_gen.executor import DEFAULT_FILE_NAME
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils


class Executor(BaseExecutor):
    """Writes the schema under the name that TFX's nodes expect."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the file.

        Args:
            input_dict: Empty.
            output_dict: `schema`.
            exec_properties: `text`, the schema.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        folder = artifact_utils.get_single_uri(output_dict["schema"])
        io_utils.write_string_file(os.path.join(folder, DEFAULT_FILE_NAME), exec_properties["text"])
