"""Runs that are late, and two at once in one folder."""

import json
import sqlite3
from collections import Counter
from pathlib import Path

import ml_metadata
import pytest
from ml_metadata.proto import metadata_store_pb2
from real_runs import end, start, write_job
from tfx.orchestration.metadata import sqlite_metadata_connection_config

pytestmark = [pytest.mark.long_runs, pytest.mark.xdist_group(__name__)]

BEFORE_TRANSFORM = {"AudioExampleGen", "StatisticsGen", "ExampleValidator", "NetworkImporter"}


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_job(tmp_path_factory.mktemp("job"))


@pytest.fixture(scope="module")
def late(job: Path) -> tuple[int, str]:
    return end(start(job, job.parent / "out", "run.time_limits={Transform: 1}"))


def states(output: Path) -> Counter:
    store = ml_metadata.MetadataStore(
        sqlite_metadata_connection_config(str(output / "metadata.db"))
    )
    names = {t.id: t.name.rsplit(".", 1)[-1] for t in store.get_execution_types()}
    state = metadata_store_pb2.Execution.State.Name
    return Counter((names[e.type_id], state(e.last_known_state)) for e in store.get_executions())


def test_late_node_ends_the_run_with_a_sentence(late: tuple[int, str], job: Path) -> None:
    code, screen = late
    assert code == 1
    assert "Traceback" not in screen
    assert screen.splitlines()[-1].startswith(
        "Error: The node Transform took longer than its limit of 1 s; "
    )
    assert states(job.parent / "out")["Transform", "FAILED"] == 1


def test_two_runs_at_once_both_end_well_and_share_the_work(
    late: tuple[int, str], job: Path
) -> None:
    output = job.parent / "out"
    pair = [start(job, output), start(job, output)]
    (first_code, first), (second_code, second) = (end(process) for process in pair)
    assert (first_code, second_code) == (0, 0), first + second
    assert sum(f"Another run is using {output}" in screen for screen in (first, second)) == 1
    summary = json.loads((output / "summary.json").read_text())
    assert summary["pushed_path"]
    assert len(list((output / "serving").iterdir())) == 1
    assert len(summary["cached"]) == len(summary["seconds"]) - 1  # The total is no node.
    counts = states(output)
    assert {node for node, _ in counts} > BEFORE_TRANSFORM
    for (node, state), count in counts.items():
        if state == "COMPLETE":
            assert count == 1, node
    with sqlite3.connect(output / "metadata.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
