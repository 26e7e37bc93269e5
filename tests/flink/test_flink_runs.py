"""Whole pipelines on a real Flink cluster: the same as on the local runner, even with losses."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from flink_cluster import TASK_MANAGERS, FlinkCluster, running
from run_tables import assert_same_embeddings, assert_same_sounds, embeddings

from pipeline.demo.sound_synthesizer import write_sound_set

pytestmark = pytest.mark.flink

CLASSES = 10
CLIPS_A_CLASS = 60  # So many that a worker can be lost in the middle of them.
CLIPS = CLASSES * CLIPS_A_CLASS
BROKEN = 5
BEAM_NODES = ("AudioExampleGen", "StatisticsGen", "Transform", "EmbeddingExporter", "Evaluator")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlinkCluster]:
    with running(FlinkCluster(tmp_path_factory.mktemp("flink"))) as started:
        yield started


@pytest.fixture(scope="module")
def job(cluster: FlinkCluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration that differs between the runners by `beam.runner` alone."""
    folder = tmp_path_factory.mktemp("job")
    write_sound_set(folder / "sounds", clips_per_class=CLIPS_A_CLASS)
    settings = {
        "source": {"kind": "folders", "root": str(folder / "sounds")},
        # Many windows a clip: the network is at work long enough to be killed at it.
        "features": {"checkpoint": "random", "hop_seconds": 0.2, "table": True},
        "model": {"features": "fusion", "head": "dense"},
        "evaluate": {"min_score": 0.2},
        "beam": {"flink": cluster.settings(parallelism=2)},
    }
    path = folder / "job.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


@pytest.fixture(scope="module")
def local_run(job: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("local")
    finish(start(job, "local", folder), folder)
    return folder


def start(job: Path, runner: str, folder: Path) -> subprocess.Popen:
    command = Path(sys.executable).with_name("vggish-tfx")
    return subprocess.Popen(
        [command, "run", job, f"--output={folder}", f"--set=beam.runner={runner}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(run: subprocess.Popen, folder: Path) -> dict[str, Any]:
    """Waits for a run, and returns its summary."""
    screen, _ = run.communicate(timeout=1200)
    log = folder / "run.log"
    assert run.returncode == 0, screen + (log.read_text()[-5000:] if log.exists() else "")
    return json.loads((folder / "summary.json").read_text())


def test_flink_makes_the_same_tables_and_pushes_a_model(
    cluster: FlinkCluster, job: Path, local_run: Path, tmp_path: Path
) -> None:
    summary = finish(start(job, "flink", tmp_path), tmp_path)
    jobs = cluster.jobs()
    assert len(jobs) >= len(BEAM_NODES)
    assert {done["state"] for done in jobs} == {"FINISHED"}
    assert max(len(task_managers(cluster, done["jid"])) for done in jobs) == TASK_MANAGERS

    assert summary["clips"]["accepted"] == CLIPS
    assert summary["clips"]["rejected"] == BROKEN
    assert_same_sounds(tmp_path, local_run)
    assert_same_embeddings(tmp_path, local_run)
    assert summary["pushed_path"]
    assert Path(summary["pushed_path"], "saved_model.pb").is_file()


def test_a_run_survives_the_loss_of_a_task_manager(
    cluster: FlinkCluster, job: Path, local_run: Path, tmp_path: Path
) -> None:
    before = {i: cluster.log(f"taskmanager{i}").stat().st_size for i in range(TASK_MANAGERS)}
    run = start(job, "flink", tmp_path)
    embedding, clips = wait_for_embedding(cluster, before, run)
    hit = cluster.jobs()[-1]
    cluster.kill_task_manager(embedding)
    assert hit["state"] == "RUNNING"
    assert 0 < clips < CLIPS
    assert not list((tmp_path / "pipeline" / "EmbeddingExporter").rglob("*.parquet"))

    summary = finish(run, tmp_path)
    assert cluster.ask("overview")["taskmanagers"] == TASK_MANAGERS - 1
    outcome = cluster.ask(f"jobs/{hit['jid']}")
    assert outcome["state"] == "FINISHED"
    assert any("Embed" in name for name in restarted(cluster, outcome)), outcome
    history = cluster.ask(f"jobs/{hit['jid']}/exceptions")["exceptionHistory"]["entries"]
    assert any(re.search("(?i)task ?manager", entry["stacktrace"]) for entry in history), history

    assert len(embeddings(tmp_path)[0]) == CLIPS
    assert_same_sounds(tmp_path, local_run)
    assert_same_embeddings(tmp_path, local_run)
    assert summary["pushed_path"]


def wait_for_embedding(
    cluster: FlinkCluster, before: dict[int, int], run: subprocess.Popen
) -> tuple[int, int]:
    """Waits until a TaskManager's log tells of embedded clips; which one, and how many."""
    while run.poll() is None:
        for i, size in before.items():
            with cluster.log(f"taskmanager{i}").open("rb") as log:
                log.seek(size)
                told = re.findall(rb" (\d+) of \d+ clips", log.read())
            if told:
                return i, int(told[0])
        time.sleep(0.1)
    pytest.fail(f"the run ended before it embedded a clip: {run.communicate()[0]}")


def task_managers(cluster: FlinkCluster, job_id: str) -> set[str]:
    """The TaskManagers that had a part of a job."""
    vertices = cluster.ask(f"jobs/{job_id}")["vertices"]
    return {
        part["taskmanager-id"]
        for vertex in vertices
        for part in cluster.ask(f"jobs/{job_id}/vertices/{vertex['id']}/taskmanagers")[
            "taskmanagers"
        ]
    }


def restarted(cluster: FlinkCluster, job: dict[str, Any]) -> set[str]:
    """The steps of a job that Flink had to start more than once."""
    return {
        vertex["name"]
        for vertex in job["vertices"]
        for subtask in cluster.ask(f"jobs/{job['jid']}/vertices/{vertex['id']}")["subtasks"]
        if subtask["attempt"] > 0
    }
