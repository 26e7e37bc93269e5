"""Running the pipeline on this machine."""

import enum
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.portable import runtime_parameter_utils
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.orchestration.portable.launcher import Launcher
from tfx.proto.orchestration import pipeline_pb2
from tfx.proto.orchestration.pipeline_pb2 import RunOptions

_DONE = (metadata_store_pb2.Execution.COMPLETE, metadata_store_pb2.Execution.CACHED)


class Outcome(enum.StrEnum):
    """What became of a node."""

    RAN = "done"
    CACHED = "cached"
    RESOLVED = "resolved"
    """A node that looks artifacts up; it has nothing to compute, and so nothing to cache."""


@dataclass(frozen=True)
class NodeRun:
    """One node of a run.

    Attributes:
        node: The node's name.
        execution_id: Of ML Metadata.
        outcome: What became of it.
        seconds: How long it took.
    """

    node: str
    execution_id: int
    outcome: Outcome
    seconds: float


class Observer(Protocol):
    """Who is told of the nodes."""

    def started(self, node: str, place: int, nodes: int) -> None:
        """Called before a node runs: its name, its place among the nodes, and their number."""

    def ended(self, run: NodeRun) -> None:
        """Called after a node ran."""


class NodeError(Exception):
    """A node that ended without its outputs; the cause is chained, or in the log."""

    def __init__(self, node: str):
        super().__init__(f"The node {node} did not complete.")
        self.node = node


class LocalRunner(LocalDagRunner):
    """TFX's LocalDagRunner, which here tells of every node and stops at the first that fails.

    Args:
        observer: Who is told.
        uncached: Nodes that run even where an earlier execution's outputs would do.
    """

    def __init__(self, observer: Observer, uncached: Collection[str] = ()):
        super().__init__()
        self._observer = observer
        self._uncached = uncached

    def run_with_ir(
        self, pipeline: pipeline_pb2.Pipeline, run_options: RunOptions | None = None
    ) -> None:
        """Runs the nodes in their order.

        Args:
            pipeline: The compiled pipeline.
            run_options: Must be None.

        Raises:
            NodeError: A node failed.
            ValueError: There are run options.
        """
        if run_options is not None:
            raise ValueError("A local run takes no options; finished nodes cost nothing anyway.")
        run_id = datetime.now().isoformat()
        runtime_parameter_utils.substitute_runtime_parameter(
            pipeline, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
        )
        deployment = runner_utils.extract_local_deployment_config(pipeline)
        connection = getattr(
            deployment.metadata_connection_config,
            deployment.metadata_connection_config.WhichOneof("connection_config"),
        )
        for i, node in enumerate(pipeline.nodes, start=1):
            node_id = node.pipeline_node.node_info.id
            self._observer.started(node_id, i, len(pipeline.nodes))
            if node_id in self._uncached:
                node.pipeline_node.execution_options.caching_options.enable_cache = False
            executor = runner_utils.extract_executor_spec(deployment, node_id)
            begin = time.monotonic()
            launcher = Launcher(
                pipeline_node=node.pipeline_node,
                mlmd_connection=metadata.Metadata(connection),
                pipeline_info=pipeline.pipeline_info,
                pipeline_runtime_spec=pipeline.runtime_spec,
                executor_spec=executor,
                custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, node_id),
            )
            try:
                info = launcher.launch()
            except Exception as error:
                raise NodeError(node_id) from error
            execution = _execution(connection, info, node_id)
            if executor is None:
                outcome = Outcome.RESOLVED
            elif execution.last_known_state == metadata_store_pb2.Execution.CACHED:
                outcome = Outcome.CACHED
            else:
                outcome = Outcome.RAN
            seconds = time.monotonic() - begin
            self._observer.ended(NodeRun(node_id, execution.id, outcome, seconds))


def _execution(
    connection: metadata_store_pb2.ConnectionConfig, info: ExecutionInfo | None, node_id: str
) -> metadata_store_pb2.Execution:
    """Looks a node's execution up; the launcher returns, too, where inputs could not be found."""
    if info is None or not info.execution_id:
        raise NodeError(node_id)
    with metadata.Metadata(connection) as handle:
        (execution,) = handle.store.get_executions_by_id([info.execution_id])
    if execution.last_known_state not in _DONE:
        raise NodeError(node_id)
    return execution


def output_uri(connection: metadata_store_pb2.ConnectionConfig, execution_id: int, key: str) -> str:
    """Finds an output of an execution, cached or not.

    Args:
        connection: Of ML Metadata.
        execution_id: The execution.
        key: The output's name.

    Returns:
        Where the artifact is.
    """
    with metadata.Metadata(connection) as handle:
        events = handle.store.get_events_by_execution_ids([execution_id])
        (artifact_id,) = [
            event.artifact_id
            for event in events
            if event.type == metadata_store_pb2.Event.OUTPUT and event.path.steps[0].key == key
        ]
        (artifact,) = handle.store.get_artifacts_by_id([artifact_id])
    return artifact.uri
