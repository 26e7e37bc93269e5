"""Caching by what a node reads from outside the pipeline.

TFX reuses a node's outputs while its inputs and execution properties are the same. Files that are
named by a property can change behind its back, so a driver adds their fingerprint to the
properties.
"""

from abc import abstractmethod
from typing import Any

from tfx.dsl.components.base.base_driver import BaseDriver as ComponentDriver
from tfx.orchestration import data_types_utils, metadata
from tfx.orchestration.portable.base_driver import BaseDriver
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.proto.orchestration.driver_output_pb2 import DriverOutput
from tfx.types.artifact import Artifact

_PROPERTY = "input_fingerprint"


class FingerprintDriver(ComponentDriver, BaseDriver):
    """Adds the fingerprint of a node's outside inputs to its execution properties.

    TFX asks a component for a driver of its first kind, and runs it as one of the second.
    """

    def __init__(self, metadata_handle: metadata.Metadata):
        ComponentDriver.__init__(self, metadata_handle)
        BaseDriver.__init__(self, metadata_handle)

    @abstractmethod
    def fingerprint(
        self, inputs: dict[str, list[Artifact]], exec_properties: dict[str, Any]
    ) -> str:
        """Returns a text that changes when what the node reads changes."""

    def run(self, execution_info: ExecutionInfo) -> DriverOutput:
        """Called by TFX before it looks for a cached execution."""
        properties = dict(execution_info.exec_properties)
        properties[_PROPERTY] = self.fingerprint(execution_info.input_dict, properties)
        result = DriverOutput()
        for key, value in properties.items():
            if value is not None:
                data_types_utils.set_metadata_value(result.exec_properties[key], value)
        return result
