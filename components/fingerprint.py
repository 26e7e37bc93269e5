"""Caching of nodes that read from outside the pipeline.

TFX reuses a node's outputs while its inputs and execution properties stay the same. It does not see
when a file that a property names changes, so a driver adds the files' fingerprint to the
properties.
"""

from tfx.dsl.components.base.base_driver import BaseDriver as ComponentDriver
from tfx.orchestration import data_types_utils, metadata
from tfx.orchestration.portable.base_driver import BaseDriver
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.proto.orchestration.driver_output_pb2 import DriverOutput
from tfx.utils import import_utils

_PROPERTY = "input_fingerprint"


class FingerprintDriver(ComponentDriver, BaseDriver):
    """Adds the fingerprint of a node's outside inputs to its execution properties.

    The node's component computes it: `fingerprint(inputs, exec_properties)` is a static method that
    returns a text that changes with the files that the node reads.

    TFX asks a component for a driver of the first base class, and runs it as one of the second.
    """

    def __init__(self, metadata_handle: metadata.Metadata):
        ComponentDriver.__init__(self, metadata_handle)
        BaseDriver.__init__(self, metadata_handle)

    def run(self, execution_info: ExecutionInfo) -> DriverOutput:
        """Called by TFX before it looks for a cached execution."""
        # TFX names the type of a node by the import path of its component.
        component = import_utils.import_class_by_path(
            execution_info.pipeline_node.node_info.type.name
        )
        properties = dict(execution_info.exec_properties)
        properties[_PROPERTY] = component.fingerprint(execution_info.input_dict, properties)
        result = DriverOutput()
        for key, value in properties.items():
            if value is not None:
                data_types_utils.set_metadata_value(result.exec_properties[key], value)
        return result
