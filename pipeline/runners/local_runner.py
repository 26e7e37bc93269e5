"""Running the pipeline on this machine."""

import enum
import functools
import time
import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ml_metadata.proto import metadata_store_pb2
from ml_metadata.proto.metadata_store_pb2 import Execution
from tfx.dsl.compiler import constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.portable import launcher, runtime_parameter_utils
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.proto.orchestration import pipeline_pb2
from tfx.proto.orchestration.pipeline_pb2 import RunOptions

from pipeline.runners.retries import is_transient, time_limit
from schema.config.run_settings import RunSettings, node_kind
from vggish.errors import ConfigError
from vggish.suggestions import suggest

_DONE = (metadata_store_pb2.Execution.COMPLETE, metadata_store_pb2.Execution.CACHED)


class Outcome(enum.StrEnum):
    """What became of a node."""

    RAN = "done"
    CACHED = "cached"


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

    def retried(self, failure: str) -> None:
        """Called before a node is tried again: one line on what happened."""

    def stopped(self, sentence: str) -> None:
        """Called where the process ends here and now: the reason."""


class NodeError(Exception):
    """A node that ended without its outputs; the cause is chained, or in the log."""

    def __init__(self, node: str):
        super().__init__(f"The node {node} did not complete.")
        self.node = node


class _Attempt(launcher.Launcher):
    """TFX's launcher, which here leaves the executions of failed attempts as they are."""

    def _register_or_reuse_execution(
        self,
        metadata_handle: metadata.Metadata,
        contexts: list[metadata_store_pb2.Context],
        input_artifacts: Any = None,
        exec_properties: Any = None,
    ) -> Execution:
        return launcher._register_execution(
            metadata_handle=metadata_handle,
            execution_type=self._pipeline_node.node_info.type,
            contexts=contexts,
            input_artifacts=input_artifacts,
            exec_properties=exec_properties,
        )


class LocalRunner(LocalDagRunner):
    """TFX's LocalDagRunner, which here tells of every node and stops at the first that fails.

    Args:
        observer: Who is told.
        uncached: Nodes that run even where an earlier execution's outputs would do.
        settings: How often a node is tried, and for how long.
    """

    def __init__(
        self,
        observer: Observer,
        uncached: Collection[str] = (),
        settings: RunSettings | None = None,
    ):
        super().__init__()
        self._observer = observer
        self._uncached = uncached
        self._settings = settings or RunSettings()

    def run_with_ir(
        self, pipeline: pipeline_pb2.Pipeline, run_options: RunOptions | None = None
    ) -> None:
        """Runs the nodes in their order.

        Args:
            pipeline: The compiled pipeline.
            run_options: Must be None.

        Raises:
            NodeError: A node failed, or took longer than its limit; the cause is chained.
            ConfigError: There is a time limit for a node that the pipeline has not.
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
        _check_time_limits(self._settings, [n.pipeline_node.node_info.id for n in pipeline.nodes])
        for i, node in enumerate(pipeline.nodes, start=1):
            node_id = node.pipeline_node.node_info.id
            self._observer.started(node_id, i, len(pipeline.nodes))
            if node_id in self._uncached:
                node.pipeline_node.execution_options.caching_options.enable_cache = False
            begin = time.monotonic()
            new_attempt = functools.partial(
                _Attempt,
                pipeline_node=node.pipeline_node,
                mlmd_connection=metadata.Metadata(connection),
                pipeline_info=pipeline.pipeline_info,
                pipeline_runtime_spec=pipeline.runtime_spec,
                executor_spec=runner_utils.extract_executor_spec(deployment, node_id),
                custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, node_id),
            )
            execution = self._run_node(node_id, new_attempt, connection)
            if execution.last_known_state == metadata_store_pb2.Execution.CACHED:
                outcome = Outcome.CACHED
            else:
                outcome = Outcome.RAN
            seconds = time.monotonic() - begin
            self._observer.ended(NodeRun(node_id, execution.id, outcome, seconds))

    def _run_node(
        self,
        node_id: str,
        new_attempt: Callable[[], launcher.Launcher],
        connection: metadata_store_pb2.ConnectionConfig,
    ) -> Execution:
        """Runs one node within its time limit and its number of attempts."""

        def attempt() -> Execution:
            return _execution(connection, new_attempt().launch(), node_id)

        limit = self._settings.time_limit(node_id)
        try:
            with time_limit(node_id, limit, self._observer.stopped):
                return self._try(attempt, node_id)
        except NodeError:
            raise
        except Exception as error:
            raise NodeError(node_id) from error

    def _try(self, attempt: Callable[[], Execution], node_id: str) -> Execution:
        """Makes an attempt, and others where what ended it may be over by then.

        Every attempt is an execution of its own in ML Metadata; those that failed stay there.
        """
        wait = self._settings.retry_wait_seconds
        for number in range(1, self._settings.retries + 1):
            try:
                return attempt()
            except Exception as error:
                if not is_transient(error):
                    raise
                traceback.print_exc()  # Into the log.
                self._observer.retried(
                    f"{node_id} failed, attempt {number} of {self._settings.retries + 1} "
                    f"({_reason(error)}); again in {wait:g} s"
                )
            time.sleep(wait)
            wait *= 2
        return attempt()


def _check_time_limits(settings: RunSettings, nodes: list[str]) -> None:
    known = {*nodes, *map(node_kind, nodes)}
    for node in settings.time_limits:
        if node not in known:
            raise ConfigError(
                f"run.time_limits names {node!r}, no node of this pipeline; "
                f"{suggest(node, sorted(known))}"
            )


def _reason(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[-1]}" if lines else type(error).__name__


def _execution(
    connection: metadata_store_pb2.ConnectionConfig, info: ExecutionInfo | None, node_id: str
) -> Execution:
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
