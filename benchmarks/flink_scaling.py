"""The Beam-powered nodes on one TaskManager of Flink and on two, each with a core of its own.

Usage: python benchmarks/flink_scaling.py [--clips N] [FOLDER]

FOLDER is that of `node_costs.py`. Needs the jars that `make test-flink` fetches, and taskset. Runs
the pipeline once per cluster, with as many tasks a step as it has TaskManagers. The JobManager, the
job server and the pipeline itself are on whatever core is free. Prints one Markdown row per node:
its seconds by the clock on either cluster, and their ratio. Seconds of a node include the start of
its Python workers, each of which imports TensorFlow.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from node_costs import CostMeter, make_sounds, run_observed

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "flink"))
from flink_cluster import FlinkCluster, running

NODES = ("AudioExampleGen", "StatisticsGen", "Transform", "EmbeddingExporter")


def seconds_on(task_managers: int, settings: dict[str, Any], folder: Path) -> dict[str, float]:
    """Runs the pipeline on a cluster of so many TaskManagers; returns the seconds by node."""
    folder.mkdir()
    meter = CostMeter()
    with running(FlinkCluster(folder, task_managers, pinned=True)) as cluster:
        on_flink = {"beam.runner": "flink", "beam.flink": cluster.settings(task_managers)}
        run_observed(settings | on_flink, folder / "run", meter)
    return {node: cost.elapsed for node, cost in meter.costs.items()}


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--clips", type=int, default=6_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sounds = Path(scratch, "sounds")
        make_sounds(sounds, arguments.clips, arguments.folder)
        settings = {"source.root": str(sounds), "train.epochs": 1, "evaluate.min_score": 0}
        one, two = (seconds_on(n, settings, Path(scratch, f"flink{n}")) for n in (1, 2))
    print("| node | one, s | two, s | ratio |\n|---|---:|---:|---:|")
    for node in NODES:
        print(f"| {node} | {one[node]:.1f} | {two[node]:.1f} | {one[node] / two[node]:.2f} |")


if __name__ == "__main__":
    main()
