"""The workers of a training as processes of this machine, joined over its loopback interface."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tfx.components.trainer.fn_args_utils import FnArgs

from vggish import errors

SENT = (
    "train_files",
    "eval_files",
    "transform_output",
    "serving_model_dir",
    "model_run_dir",
    "base_model",
    "hyperparameters",
    "custom_config",
)
"""What a worker gets of TFX's arguments: all that a training reads."""

_POLL_SECONDS = 0.2


class WorkerLostError(errors.VggishError):
    """A worker ended before the training did."""


def run_local_workers(run_fn: str, fn_args: FnArgs, workers: int) -> None:
    """Runs a `run_fn` on several processes of this machine, on its CPU.

    Args:
        run_fn: The function's import path.
        fn_args: Its arguments.
        workers: Number of processes.

    Raises:
        VggishError: What a worker raised.
        WorkerLostError: A worker was killed, or failed otherwise. The other ones are ended.
    """
    call = {"run_fn": run_fn, "fn_args": {name: getattr(fn_args, name) for name in SENT}}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as started:
        path = Path(folder, "call.json")
        path.write_text(json.dumps(call))
        addresses = [f"127.0.0.1:{port}" for port in _free_ports(workers)]
        _wait_for([started.enter_context(_Worker(path, addresses, i)) for i in range(workers)])


class _Worker:
    """A process that is killed when its context ends, or with the process that started it."""

    def __init__(self, call: Path, addresses: list[str], number: int):
        self.name = f"{number + 1} of {len(addresses)}"
        self._fault = call.with_name(f"fault{number}.json")
        config = {
            "cluster": {"worker": addresses},
            "task": {"type": "worker", "index": number},
        }
        command = [sys.executable, "-m", "trainer.workers.worker", str(call), str(self._fault)]
        self.process = subprocess.Popen(  # noqa: S603 Our own module.
            command,
            stdin=subprocess.PIPE,  # Its end tells the worker that this process has ended.
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                "TF_CONFIG": json.dumps(config),
                # Each would take all memory of every GPU. One process trains on several GPUs, too.
                "CUDA_VISIBLE_DEVICES": "-1",
            },
        )

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()

    def end(self) -> Exception:
        """Returns the error of a worker that has failed."""
        if self._fault.exists():
            kind, text = json.loads(self._fault.read_text())
            error: Exception = getattr(errors, kind, errors.VggishError)(text)
            return error
        code = self.process.returncode
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        return WorkerLostError(
            f"Worker {self.name} of the training {how}; give the same command again, and the "
            "training goes on after its last complete epoch."
        )


def _wait_for(workers: list[_Worker]) -> None:
    """Waits until all have ended well, or the first one has not."""
    running = workers
    while running:
        time.sleep(_POLL_SECONDS)
        # Without one worker the others fail, too: those that were killed are named first.
        failed = [worker for worker in running if worker.process.poll()]
        if failed:
            raise min(failed, key=lambda worker: worker.process.returncode).end()
        running = [worker for worker in running if worker.process.returncode is None]


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
