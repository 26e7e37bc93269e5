"""Stops the run if the clips do not fit the schema."""

import os
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.components.example_validator import executor
from tfx.dsl.io import fileio
from tfx.proto.orchestration.execution_result_pb2 import ExecutorOutput
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from vggish.errors import DataSetError


class Executor(executor.Executor):
    """Validates as TFX's executor does, then fails on anomalies."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> ExecutorOutput:
        """Writes the anomalies.

        Raises:
            DataSetError: There are anomalies.
        """
        output = super().Do(input_dict, output_dict, exec_properties)
        anomalies = artifact_utils.get_single_instance(output_dict["anomalies"])
        found = [
            f"{feature}: {info.description} (split {split})"
            for split in artifact_utils.decode_split_names(anomalies.split_names)
            for feature, info in sorted(_read(anomalies, split).anomaly_info.items())
        ]
        if found:
            raise DataSetError(
                f"The clips do not fit the schema in schema/: {'; '.join(found)}; "
                "correct the data or the schema."
            )
        return output


def _read(anomalies: Artifact, split: str) -> anomalies_pb2.Anomalies:
    """Reads the one file that TFX writes per split."""
    path = os.path.join(
        artifact_utils.get_split_uri([anomalies], split), executor.DEFAULT_FILE_NAME
    )
    with fileio.open(path, "rb") as file:
        return anomalies_pb2.Anomalies.FromString(file.read())
