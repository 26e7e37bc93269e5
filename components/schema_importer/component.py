"""The SchemaImporter node."""

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import standard_artifacts
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.schema_importer.executor import Executor


class SchemaImporterSpec(ComponentSpec):
    """The output and parameter of SchemaImporter."""

    PARAMETERS = {"text": ExecutionParameter(type=str)}
    INPUTS: dict = {}
    OUTPUTS = {"schema": ChannelParameter(type=standard_artifacts.Schema)}


class SchemaImporter(BaseComponent):
    """Writes a schema as an artifact.

    TFX's ImportSchemaGen takes a path instead. The path may not exist on another machine, and the
    cache would not see that the file has changed.

    Output: `schema`.

    Args:
        schema: The schema's text.
    """

    SPEC_CLASS = SchemaImporterSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(self, schema: str):
        super().__init__(
            SchemaImporterSpec(text=schema, schema=Channel(type=standard_artifacts.Schema))
        )
