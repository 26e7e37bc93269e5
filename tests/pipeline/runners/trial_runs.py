"""Runs of a single node, with a metadata store of their own."""

from collections import Counter
from pathlib import Path
from typing import Any

import ml_metadata
from ml_metadata.proto import metadata_store_pb2
from rich.console import Console
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline

from pipeline.cli.console import NodeProgress
from pipeline.runners.local_runner import LocalRunner
from schema.config.run_settings import RunSettings


class Trial:
    """A pipeline of one node, run in a folder of its own."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.connection = sqlite_metadata_connection_config(str(folder / "metadata.db"))

    def run(self, node: BaseNode, **settings: Any) -> str:
        """Runs it; returns the screen, also where it fails, in `self.screen`."""
        console = Console(record=True, width=200)
        pipeline = Pipeline(
            pipeline_name="trial",
            pipeline_root=str(self.folder),
            components=[node],
            metadata_connection_config=self.connection,
        )
        try:
            with NodeProgress(console) as progress:
                LocalRunner(progress, settings=RunSettings(**settings)).run(pipeline)
        finally:
            self.screen = console.export_text()
        return self.screen

    def states(self) -> Counter:
        store = ml_metadata.MetadataStore(self.connection)
        state = metadata_store_pb2.Execution.State.Name
        return Counter(state(e.last_known_state) for e in store.get_executions())
