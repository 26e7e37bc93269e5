"""Runs a pipeline on this machine, node by node, with retries and time limits."""

import functools
import gc
import sys
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from apache_beam.utils.shared import Shared
from ml_metadata.proto import metadata_store_pb2
from ml_metadata.proto.metadata_store_pb2 import Execution
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential,
)
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

_DONE = (Execution.COMPLETE, Execution.CACHED)


@dataclass(frozen=True)
class NodeRun:
    """One node of a run.

    Attributes:
        node: The node's name.
        execution_id: The execution's id in ML Metadata.
        cached: Whether the node's outputs were reused from an earlier execution.
        seconds: The time it took.
    """

    node: str
    execution_id: int
    cached: bool
    seconds: float


class NodeObserver(Protocol):
    """Shows the user how a run proceeds."""

    def show(self, line: str) -> None:
        """Called before work between the nodes starts, with its name."""

    def started(self, node: str, nodes: Sequence[str]) -> None:
        """Called before a node runs: its name, and those of all nodes in their order."""

    def ended(self, run: NodeRun) -> None:
        """Called after a node ran."""

    def say(self, text: str) -> None:
        """Called with a line for the user, such as why a node is tried again."""


class NodeError(Exception):
    """A node ended without outputs; the cause is chained, or in the log."""

    def __init__(self, node: str):
        super().__init__(f"The node {node} did not complete.")
        self.node = node


class _Attempt(launcher.Launcher):
    """TFX's launcher, except that failed attempts stay as they are and always say why."""

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

    def _publish_failed_execution(self, *facts: Any, **more_facts: Any) -> None:
        super()._publish_failed_execution(*facts, **more_facts)
        # TFX only logs why ML Metadata did not give a node's inputs; it may, at another attempt.
        if (error := sys.exception()) is not None:
            raise error


class LocalRunner(LocalDagRunner):
    """TFX's LocalDagRunner, with progress, retries and time limits; the first failure ends the run.

    Args:
        observer: Shows the progress.
        uncached: Nodes that run even if an earlier execution's outputs could be reused.
        settings: The retries and the time limits.
    """

    def __init__(
        self,
        observer: NodeObserver,
        uncached: Collection[str] = (),
        settings: RunSettings | None = None,
    ):
        super().__init__()
        self._observer = observer
        self._uncached = uncached
        self._settings = settings or RunSettings()
        self.runs: list[NodeRun] = []
        """The nodes that have run, in their order."""

    def run_with_ir(
        self, pipeline: pipeline_pb2.Pipeline, run_options: RunOptions | None = None
    ) -> None:
        """Runs the nodes in their order.

        Args:
            pipeline: The compiled pipeline.
            run_options: Must be None.

        Raises:
            NodeError: A node failed, or took longer than its limit; the cause is chained.
            ConfigError: A time limit names a node that the pipeline lacks.
            ValueError: Run options are given.
        """
        if run_options is not None:
            raise ValueError("A local run takes no run options.")
        run_id = datetime.now().isoformat()
        runtime_parameter_utils.substitute_runtime_parameter(
            pipeline, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
        )
        deployment = runner_utils.extract_local_deployment_config(pipeline)
        connection = getattr(
            deployment.metadata_connection_config,
            deployment.metadata_connection_config.WhichOneof("connection_config"),
        )
        nodes = [node.pipeline_node.node_info.id for node in pipeline.nodes]
        _check_time_limits(self._settings, nodes)
        for node_id, node in zip(nodes, pipeline.nodes, strict=True):
            self._observer.started(node_id, nodes)
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
            _let_go_of_models()
            cached = execution.last_known_state == Execution.CACHED
            self.runs.append(NodeRun(node_id, execution.id, cached, time.monotonic() - begin))
            self._observer.ended(self.runs[-1])

    def _run_node(
        self,
        node_id: str,
        new_attempt: Callable[[], launcher.Launcher],
        connection: metadata_store_pb2.ConnectionConfig,
    ) -> Execution:
        """Runs one node within its time limit; each attempt is an execution in ML Metadata."""

        def attempt() -> Execution:
            return _execution(connection, new_attempt().launch(), node_id)

        def tell(state: RetryCallState) -> None:
            error: Any = state.outcome and state.outcome.exception()
            traceback.print_exception(error)  # Standard error is the log.
            self._observer.say(
                f"{node_id} failed, attempt {state.attempt_number} of {self._settings.retries + 1} "
                f"({_reason(error)}); again in {state.upcoming_sleep:g} s"
            )

        retrying = Retrying(
            retry=retry_if_exception(is_transient),
            stop=stop_after_attempt(self._settings.retries + 1),
            wait=wait_exponential(self._settings.retry_wait_seconds),
            before_sleep=tell,
            reraise=True,
        )
        try:
            with time_limit(node_id, self._settings.time_limit(node_id), self._observer.say):
                return retrying(attempt)
        except NodeError:
            raise
        except Exception as error:
            raise NodeError(node_id) from error


def _let_go_of_models() -> None:
    """Frees the network or model that a node's Beam steps shared.

    Beam keeps the last shared object until another one is acquired, for all that follows.
    """
    Shared().acquire(set)
    gc.collect()


def _check_time_limits(settings: RunSettings, nodes: list[str]) -> None:
    known = {*nodes, *map(node_kind, nodes)}
    for node in settings.time_limits:
        if node not in known:
            raise ConfigError(
                f"run.time_limits names {node!r}, which is not a node of this pipeline; "
                f"{suggest(node, sorted(known))}"
            )


def _reason(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[-1]}" if lines else type(error).__name__


def _execution(
    connection: metadata_store_pb2.ConnectionConfig, info: ExecutionInfo | None, node_id: str
) -> Execution:
    """Looks up a node's execution; the launcher also returns if inputs are missing."""
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
        connection: The connection to ML Metadata.
        execution_id: The execution's id.
        key: The output's name.

    Returns:
        The artifact's URI.
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
