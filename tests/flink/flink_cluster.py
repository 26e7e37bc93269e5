"""A Flink cluster on this machine's loopback, with Beam's job server in front of it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]
JARS = PROJECT / ".cache" / "flink"
JAVA = shutil.which("java") or "java"

TASK_MANAGERS = 2

# What Flink's own scripts reckon from the size of the machine, and which Java modules they open.
CONFIG = """
jobmanager.rpc.address: localhost
jobmanager.rpc.port: {rpc_port}
jobmanager.bind-host: localhost
rest.address: localhost
rest.bind-address: localhost
rest.port: {rest_port}
taskmanager.host: localhost
taskmanager.bind-host: localhost
taskmanager.numberOfTaskSlots: 2
taskmanager.cpu.cores: 1.0
taskmanager.memory.framework.heap.size: 128m
taskmanager.memory.task.heap.size: 512m
taskmanager.memory.managed.size: 256m
taskmanager.memory.framework.off-heap.size: 128m
taskmanager.memory.task.off-heap.size: 128m
taskmanager.memory.network.min: 192m
taskmanager.memory.network.max: 192m
taskmanager.memory.jvm-metaspace.size: 256m
taskmanager.memory.jvm-overhead.min: 192m
taskmanager.memory.jvm-overhead.max: 192m
taskmanager.network.sort-shuffle.min-buffers: 32
cluster.evenly-spread-out-slots: true
# Beam's jars are on the cluster's own class path, and only then its workers outlive a step.
classloader.resolve-order: parent-first
# A lost TaskManager is missed after 10 seconds, not 50. Until then Flink still sends it tasks,
# and so the attempts to start them again must last longer.
heartbeat.interval: 2000
heartbeat.timeout: 10000
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 5
restart-strategy.fixed-delay.delay: 5 s
io.tmp.dirs: {folder}
"""
OPENED = ("lang", "net", "io", "nio", "text", "time", "util", "util.concurrent", "lang.reflect")

LOGGING = """
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.name = console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{1} %m%n
"""


class FlinkCluster:
    """One JobManager, TaskManagers of two slots each, and Beam's job server.

    Args:
        folder: Where their configuration, logs and temporary files go.
        task_managers: Number of TaskManagers.
        pinned: Whether each TaskManager has one core, with the Python workers that it starts.
    """

    def __init__(self, folder: Path, task_managers: int = TASK_MANAGERS, *, pinned: bool = False):
        self.folder = folder
        self._task_managers = task_managers
        self._pinned = pinned
        self._ports = free_ports(4)
        self._processes: dict[str, subprocess.Popen] = {}

    @property
    def master(self) -> str:
        return f"localhost:{self._ports[0]}"

    def settings(self, parallelism: int) -> dict[str, Any]:
        """The section `beam.flink` of a configuration that runs on this cluster."""
        worker = PROJECT / "deploy" / "flink" / "beam-worker"
        return {
            "master": self.master,
            "job_server": f"localhost:{self._ports[1]}",
            "parallelism": parallelism,
            "worker": {"kind": "process", "command": str(worker)},
        }

    def start(self) -> None:
        """Starts everything, and waits until the cluster has its slots."""
        rest_port, job_port, artifact_port, rpc_port = self._ports
        (self.folder / "config.yaml").write_text(
            CONFIG.format(rpc_port=rpc_port, rest_port=rest_port, folder=self.folder)
        )
        (self.folder / "log4j.properties").write_text(LOGGING)
        runtime = "org.apache.flink.runtime"
        self._java(
            "jobmanager", f"{runtime}.entrypoint.StandaloneSessionClusterEntrypoint", heap_mb=512
        )
        wait_for(lambda: self.ask("overview"), "the JobManager", self.log("jobmanager"))
        for i in range(self._task_managers):
            self.start_task_manager(i)
        self._start_job_server(job_port, artifact_port)
        self.wait_for_task_managers(self._task_managers)
        wait_for(lambda: answers(job_port), "Beam's job server", self.log("jobserver"))

    def start_task_manager(self, i: int) -> None:
        name = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
        core = ("taskset", "--cpu-list", str(i)) if self._pinned else ()
        self._java(f"taskmanager{i}", name, heap_mb=640, before=core)

    def wait_for_task_managers(self, number: int) -> None:
        wait_for(
            lambda: self.ask("overview")["taskmanagers"] == number,
            f"{number} TaskManagers",
            self.log("jobmanager"),
        )

    def kill_task_manager(self, i: int) -> None:
        """Kills a TaskManager itself, as the kernel does when memory runs out."""
        process = self._processes[f"taskmanager{i}"]
        process.kill()
        assert process.wait() == -signal.SIGKILL

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def ask(self, path: str) -> Any:
        """Asks Flink's REST API."""
        with urllib.request.urlopen(f"http://{self.master}/{path}", timeout=10) as answer:
            return json.load(answer)

    def jobs(self) -> list[dict[str, Any]]:
        """The jobs so far, the earliest first."""
        return sorted(self.ask("jobs/overview")["jobs"], key=lambda job: job["start-time"])

    def close(self) -> None:
        """Ends every process, and the Python workers below them."""
        for process in reversed(self._processes.values()):
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            process.wait()

    def _start_job_server(self, job_port: int, artifact_port: int) -> None:
        # Every jar on the class path would be uploaded with every job; the cluster has them all.
        jars = sorted(JARS.glob("*.jar"))
        uploaded = [jar for jar in jars if jar.name.startswith(("flink-", "beam-runners-flink-"))]
        uploaded = [jar for jar in uploaded if not jar.name.startswith("flink-shaded-")]
        others = [str(jar) for jar in jars if jar not in uploaded]
        self._run(
            "jobserver",
            [
                f"-Xbootclasspath/a:{':'.join(others)}",
                f"--class-path={':'.join(map(str, uploaded))}",
                "-Xmx512m",
                "org.apache.beam.runners.flink.FlinkJobServerDriver",
                "--job-host=localhost",
                f"--job-port={job_port}",
                f"--artifact-port={artifact_port}",
                "--expansion-port=-1",
                f"--flink-master={self.master}",
                f"--artifacts-dir={self.folder / 'artifacts'}",
            ],
        )

    def _java(self, name: str, main_class: str, heap_mb: int, before: tuple[str, ...] = ()) -> None:
        jars = f"--class-path={JARS}/*"
        arguments = [f"-Xmx{heap_mb}m", jars, main_class, f"--configDir={self.folder}"]
        self._run(name, arguments, before)

    def _run(self, name: str, arguments: list[str], before: tuple[str, ...] = ()) -> None:
        opened = [f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in OPENED]
        logging = f"-Dlog4j.configurationFile={self.folder / 'log4j.properties'}"
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "PYTHONPATH": str(PROJECT)}
        with self.log(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [*before, JAVA, *opened, logging, *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )


@contextmanager
def running(cluster: FlinkCluster) -> Iterator[FlinkCluster]:
    """Runs a cluster; fails where its jars were not fetched."""
    if not any(JARS.glob("beam-runners-flink-*.jar")):
        pytest.fail(f"Flink's jars are not in {JARS}; start these tests with `make test-flink`.")
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()


def free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    for opened in sockets:
        opened.bind(("localhost", 0))
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def answers(port: int) -> bool:
    with socket.create_connection(("localhost", port), timeout=1):
        return True


def wait_for(happens: Callable[[], Any], what: str, log: Path, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if happens():
                return
        except OSError:  # Not listening yet.
            pass
        time.sleep(0.2)
    pytest.fail(f"{what} did not come up in {seconds} s; the end of {log}:\n{log_end(log)}")


def log_end(path: Path) -> str:
    return path.read_text(errors="replace")[-3000:]
