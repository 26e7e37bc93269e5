"""Nodes are tried again where that may help, and end when their time is up."""

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import apache_beam as beam
import flaky_nodes
import ml_metadata
import pytest
import requests
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions
from ml_metadata.errors import InternalError
from pydantic import ValidationError
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.portable import inputs_utils
from tfx.orchestration.portable.input_resolution.exceptions import InputResolutionError
from trial_runs import Trial

from pipeline.cli.main import _explain
from pipeline.runners.beam_options import pipeline_options
from pipeline.runners.local_runner import NodeError
from pipeline.runners.retries import TimeLimitError, is_transient, time_limit
from schema.config.beam_settings import BeamSettings
from schema.config.run_settings import RunSettings
from vggish.errors import ConfigError, DataSetError

RESTART = "Record has changed since last read in table 'Execution'; try restarting transaction"


class GrpcCode:
    name = "UNAVAILABLE"


class RpcError(Exception):
    def code(self) -> GrpcCode:
        return GrpcCode()


class HttpError(Exception):
    status_code = 503


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        tf.errors.UnavailableError(None, None, ""),
        tf.errors.AbortedError(None, None, ""),
        ml_metadata.errors.UnavailableError(""),
        ml_metadata.errors.InternalError(  # Seen with MariaDB 11.8, where two runs met.
            "mysql_query failed: errno: Record has changed since last read in table 'Context'; try "
            "restarting transaction, error: Record has changed since last read in table 'Context'; "
            "try restarting transaction"
        ),
        ConnectionResetError(),
        TimeoutError(),
        requests.exceptions.ReadTimeout(),
        requests.exceptions.ConnectionError(),
        RpcError(),
        HttpError(),
        RuntimeError("Traceback\n  File …\nrequests.exceptions.ConnectionError: refused\n"),
        RuntimeError("job failed in state FAILED: java.net.ConnectException: Connection refused"),
        caused(ValueError("cannot read"), ConnectionResetError()),
    ],
    ids=repr,
)
def test_storage_network_and_store_may_work_next_time(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("3"),
        RuntimeError("Traceback\nValueError: no ConnectionError\n"),
        FileNotFoundError(),
        ml_metadata.errors.InternalError("mysql_query failed: errno: No such table"),
        tf.errors.InvalidArgumentError(None, None, ""),
        tf.errors.ResourceExhaustedError(None, None, "out of memory"),
        ConfigError("a key"),
        caused(DataSetError("no sounds"), ConnectionResetError()),
        caused(TimeLimitError("Trainer", 3), TimeoutError()),
    ],
    ids=repr,
)
def test_other_faults_stay(error: Exception) -> None:
    assert not is_transient(error)


def fail(error: Exception) -> None:
    raise error


@pytest.mark.parametrize("mode", ["in_memory", "multi_threading"])
@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (tf.errors.UnavailableError(None, None, "the bucket is away"), True),
        (ConnectionResetError(104, "by peer"), True),
        (ValueError("not a number"), False),
    ],
    ids=repr,
)
def test_fault_of_a_beam_worker_is_known_by_its_kind(
    mode: str, error: Exception, transient: bool
) -> None:
    settings = BeamSettings(args=(f"--direct_running_mode={mode}",))
    failing = beam.Pipeline(options=PipelineOptions(pipeline_options(settings)))
    _ = failing | beam.Create([error]) | beam.Map(fail)
    with pytest.raises(Exception, match=r"away|by peer|not a number") as failed:
        failing.run().wait_until_finish()
    assert is_transient(failed.value) is transient


def test_limit_of_a_kind_is_for_its_nodes() -> None:
    settings = RunSettings(time_limits={"Trainer": 60, "Trainer_knn": 5})
    assert settings.time_limit("Trainer_dense") == 60
    assert settings.time_limit("Trainer_knn") == 5
    assert settings.time_limit("Transform") is None
    with pytest.raises(ValidationError):
        RunSettings(time_limits={"Trainer": 0})


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


def flaky(folder: Path, failures: int, kind: str = "storage") -> BaseNode:
    return flaky_nodes.Flaky(tries=str(folder / "tries"), failures=failures, kind=kind)


@pytest.mark.parametrize("kind", ["storage", "worker"])
def test_transient_fault_is_tried_again_after_a_growing_wait(trial: Trial, kind: str) -> None:
    begin = time.monotonic()
    screen = trial.run(flaky(trial.folder, 2, kind), retries=2, retry_wait_seconds=0.5)
    assert time.monotonic() - begin > 0.5 + 1.0
    told = [line for line in screen.splitlines() if "attempt" in line]
    assert len(told) == 2
    assert told[0].startswith("Flaky failed, attempt 1 of 3 (")
    assert told[0].endswith("; again in 0.5 s")
    assert told[1].endswith("; again in 1 s")
    assert trial.states() == Counter(FAILED=2, COMPLETE=1)


def test_inputs_that_the_store_does_not_give_at_once_are_asked_for_again(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve, faults = inputs_utils.resolve_input_artifacts, [InternalError(RESTART)]

    def once_changed_by_another_run(**inputs: Any) -> Any:
        if faults:
            raise InputResolutionError("Error while resolving inputs") from faults.pop()
        return resolve(**inputs)

    monkeypatch.setattr(inputs_utils, "resolve_input_artifacts", once_changed_by_another_run)
    screen = trial.run(flaky(trial.folder, 0), retries=1, retry_wait_seconds=0.1)
    assert "Flaky failed, attempt 1 of 2 (" in screen
    assert trial.states() == Counter(FAILED=1, COMPLETE=1)


def test_last_attempt_fails_as_the_first_would(trial: Trial) -> None:
    with pytest.raises(NodeError) as failed:
        trial.run(flaky(trial.folder, 9), retries=1, retry_wait_seconds=0.1)
    assert isinstance(failed.value.__cause__, tf.errors.UnavailableError)
    assert trial.states() == Counter(FAILED=2)


def test_what_is_the_user_s_to_mend_is_not_tried_again(trial: Trial) -> None:
    with pytest.raises(NodeError) as failed:
        trial.run(flaky(trial.folder, 9, "data"), retries=5, retry_wait_seconds=60)
    assert _explain(failed.value) == (2, "There are no sounds.")
    assert trial.states() == Counter(FAILED=1)
    assert "attempt" not in trial.screen


def test_node_that_takes_too_long_ends_and_a_rerun_goes_on(trial: Trial) -> None:
    with pytest.raises(NodeError) as late:
        trial.run(flaky_nodes.Slow(seconds=600.0), time_limits={"Slow": 1.0})
    code, sentence = _explain(late.value)
    assert code == 1
    assert sentence.startswith("The node Slow took longer than its limit of 1 s; ")
    assert trial.states() == Counter(FAILED=1)
    trial.run(flaky_nodes.Slow(seconds=0.1), time_limits={"Slow": 60.0})
    assert trial.states() == Counter(FAILED=1, COMPLETE=1)


def test_limit_of_no_node_is_refused(trial: Trial) -> None:
    with pytest.raises(ConfigError, match="did you mean 'Slow'"):
        trial.run(flaky_nodes.Slow(seconds=0.1), time_limits={"Slwo": 1.0})


STUCK = """
import hashlib
import pipeline.runners.retries as attempts
attempts.GRACE_SECONDS = 1.0
with attempts.time_limit("Trainer", 1.0, lambda text: print(text, flush=True)):
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2 * 10**9)  # One call into C, which looks at no signal.
"""


def test_call_that_cannot_be_interrupted_ends_with_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STUCK], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout.startswith("Error: The node Trainer took longer than its limit of 1 s; ")


def test_node_in_time_is_left_alone() -> None:
    threads, handler = set(threading.enumerate()), signal.getsignal(signal.SIGALRM)
    with time_limit("Trainer", 600.0, print):
        (watchdog,) = set(threading.enumerate()) - threads
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
        assert signal.getsignal(signal.SIGALRM) is not handler
    watchdog.join(30)  # A cancelled timer ends without its call.
    assert not watchdog.is_alive()
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is handler
