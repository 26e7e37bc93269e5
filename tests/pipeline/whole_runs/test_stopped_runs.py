"""A run that is stopped at every node in turn: it goes on, and ends as if nothing had happened."""

import json
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from real_runs import end, start, write_job

pytestmark = pytest.mark.stopped_runs

TOLERANCE = 1e-4
"""Even two undisturbed runs differ by 2e-5, since a sum of float32 depends on its order."""

QUICK_MODEL = ("model={head: dense, features: mfcc}", "train.epochs=3")
SENTENCE = "Interrupted; run the same command again to continue."
SECONDS_TO_START = 300


@dataclass(frozen=True)
class Stop:
    """A run that was stopped.

    Attributes:
        node: The node that ran.
        sent: Name of the signal.
        after: Seconds from the node's start to the signal.
        code: The exit code.
        lines: What was on the screen.
    """

    node: str
    sent: str
    after: float
    code: int
    lines: list[str]

    @property
    def finished(self) -> int:
        """Number of nodes that had ended."""
        return sum(line.rstrip().endswith(" s") for line in self.lines if "/" in line[:6])


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_job(tmp_path_factory.mktemp("job"))


@pytest.fixture(scope="module")
def undisturbed(job: Path) -> dict:
    return finish(job, job.parent / "undisturbed")


@pytest.fixture(scope="module")
def stops(job: Path, undisturbed: dict) -> list[Stop]:
    """Two stops a node, each run going on from the one before."""
    nodes = nodes_of(undisturbed)
    return [
        stop(job, nodes[place:], part * undisturbed["seconds"][node], sent)
        for place, node in enumerate(nodes)
        for sent, part in ((signal.SIGINT, 0.3), (signal.SIGKILL, 0.6))
    ]


@pytest.fixture(scope="module")
def resumed(job: Path, stops: list[Stop]) -> dict:
    return finish(job, job.parent / "stopped")


def finish(job: Path, output: Path) -> dict:
    code, screen = end(start(job, output, *QUICK_MODEL))
    assert code == 0, screen + (output / "run.log").read_text()[-5000:]
    return json.loads((output / "summary.json").read_text())


def nodes_of(summary: dict) -> list[str]:
    return [node for node in summary["seconds"] if node != "total"]


def stop(job: Path, nodes: list[str], after: float, sent: signal.Signals) -> Stop:
    """Starts a run, and stops it at the first of these nodes.

    If that took so few milliseconds that it ended before an earlier signal arrived, it is cached
    now, and the run is stopped at the next one.
    """
    output = job.parent / "stopped"

    def executions() -> set[Path]:
        begun = (output / "pipeline" / node / ".system" / "executor_execution" for node in nodes)
        return {path for folder in begun for path in folder.glob("*")}

    before = executions()
    process = start(job, output, *QUICK_MODEL)
    wait_for(lambda: executions() - before or process.poll() is not None)
    time.sleep(after)
    process.send_signal(sent)
    code, screen = end(process)
    return Stop(nodes[0], sent.name, after, code, screen.splitlines())


def wait_for(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_every_node_is_stopped_while_it_runs(
    stops: list[Stop], undisturbed: dict, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print("\n| node | signal | after, s | exit code | nodes that had ended |")
        print("|---|---|---:|---:|---:|")
        for one in stops:
            print(f"| {one.node} | {one.sent} | {one.after:.2f} | {one.code} | {one.finished} |")
    nodes = nodes_of(undisturbed)
    assert [(one.node, one.sent) for one in stops] == [
        (node, sent) for node in nodes for sent in ("SIGINT", "SIGKILL")
    ]
    for one in stops:
        assert one.finished - nodes.index(one.node) in (0, 1, 2), one


def test_ctrl_c_at_any_node_is_one_sentence(stops: list[Stop]) -> None:
    for one in stops:
        if one.sent == "SIGINT":
            assert one.code == 130, one
            assert one.lines.count(SENTENCE) == 1, one
            assert one.lines[-1] == SENTENCE, one
            assert not any("Traceback" in line for line in one.lines), one
        else:
            assert one.code == -signal.SIGKILL, one


def test_the_next_run_ends_as_if_nothing_had_happened(
    job: Path, undisturbed: dict, resumed: dict
) -> None:
    assert resumed["clips"] == undisturbed["clips"]
    for split, metrics in undisturbed["metrics"].items():
        assert resumed["metrics"][split].keys() == metrics.keys()
        for name, value in metrics.items():
            found = resumed["metrics"][split][name]
            assert found == pytest.approx(value, rel=TOLERANCE), (split, name)
    whole, stopped = job.parent / "undisturbed", job.parent / "stopped"
    compare_tables(whole / "test_predictions.parquet", stopped / "test_predictions.parquet")
    tables = {path.name for path in (whole / "embeddings").iterdir()}
    assert tables == {path.name for path in (stopped / "embeddings").iterdir()}
    for name in tables:
        compare_tables(whole / "embeddings" / name, stopped / "embeddings" / name)
    assert len(list((stopped / "serving").iterdir())) == 1
    assert len(list((stopped / "history").iterdir())) == 1


def compare_tables(expected: Path, found: Path) -> None:
    tables = [pq.read_table(path).to_pandas().sort_values("fname") for path in (expected, found)]
    assert list(tables[0]) == list(tables[1])
    assert len(tables[0])
    for column in tables[0]:
        one, other = (table[column].to_numpy() for table in tables)
        if one.dtype.kind == "f":
            np.testing.assert_allclose(other, one, rtol=TOLERANCE, atol=TOLERANCE, err_msg=column)
        else:
            assert [str(value) for value in other] == [str(value) for value in one], column


def test_nothing_unfinished_is_where_people_look(job: Path, resumed: dict) -> None:
    # TFX keeps what a killed execution left in the artifacts, and never reads it.
    stopped = job.parent / "stopped"
    places = [path for path in stopped.iterdir() if path.name not in ("pipeline", "run.log")]
    found = [path for place in places for path in (place, *place.rglob("*"))]
    assert not [path for path in found if "partial" in path.name or "temp" in path.name]
