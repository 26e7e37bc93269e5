"""Memory of a whole run over time, node by node, and a plot of it.

Usage: python benchmarks/run_memory.py FOLDER --plot FILE.svg [--clips N] [--heads NAME ...]

FOLDER holds one folder of WAV files a class; variants make up N clips, as in `node_costs.py`, on
the disk that TMPDIR names (33 kB a clip, and as much again for each of log-mel, features and the
features that a Trainer keeps). Runs the pipeline in this process. Twice a second, the resident
memory of this process and of all processes below it is read from /proc and added up; what they
share counts several times. Prints one Markdown row per node.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from node_costs import Meter, make_sounds, run_observed

from pipeline.runners.local_runner import NodeRun

INTERVAL_SECONDS = 0.5
LEAST_SHOWN = 0.02
"""Share of the run that a node must take for its name to fit into the plot."""


def family_megabytes() -> float:
    """Resident memory of this process and of all that descend from it."""

    def of(process: str) -> Iterator[int]:
        folder = Path("/proc", process)
        try:
            lines = (folder / "status").read_text().splitlines()
            children = [(task / "children").read_text() for task in folder.glob("task/*")]
        except OSError:
            return  # It has just ended.
        yield from (int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
        for child in " ".join(children).split():
            yield from of(child)

    return sum(of("self")) / 1024


class MemoryMeter(Meter):
    """Measures memory while nodes run, as the observer of a run.

    Attributes:
        samples: Seconds since the start, and MB.
        nodes: Name, and seconds of the start and of the end.
    """

    def __init__(self) -> None:
        self.samples: list[tuple[float, float]] = []
        self.nodes: list[tuple[str, float, float]] = []
        self._begin = time.monotonic()
        threading.Thread(target=self._sample, daemon=True).start()

    def _sample(self) -> None:
        while True:
            self.samples.append((time.monotonic() - self._begin, family_megabytes()))
            time.sleep(INTERVAL_SECONDS)

    def started(self, node: str, nodes: Sequence[str]) -> None:
        """See `NodeObserver`."""
        del node, nodes
        self._node_begin = time.monotonic() - self._begin

    def ended(self, run: NodeRun) -> None:
        """See `NodeObserver`."""
        self.nodes.append((run.node, self._node_begin, time.monotonic() - self._begin))

    def peak(self, begin: float, end: float) -> float:
        """Returns the most MB between two times."""
        begin -= INTERVAL_SECONDS  # A short node may lie between two samples.
        return max(mb for at, mb in self.samples if begin <= at <= end)


def plot(meter: MemoryMeter, path: Path) -> None:
    """Draws memory over time; nodes are stripes with their names."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.add_subplot()
    minutes, gigabytes = zip(*((at / 60, mb / 1024) for at, mb in meter.samples), strict=True)
    top = 1.9 * max(gigabytes)
    for number, (node, begin, end) in enumerate(meter.nodes):
        axes.axvspan(begin / 60, end / 60, color="0.93" if number % 2 else "0.98", zorder=0)
        if end - begin >= LEAST_SHOWN * meter.samples[-1][0]:
            middle = (begin + end) / 120
            axes.text(middle, 0.98 * top, node, rotation=90, ha="center", va="top", fontsize=8)
    axes.plot(minutes, gigabytes, linewidth=1, color="tab:blue")
    axes.set(xlabel="minutes", ylabel="GB", xlim=(0, minutes[-1]), ylim=(0, top))
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--plot", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=105_835)
    parser.add_argument("--network", default="vggish")
    parser.add_argument("--heads", nargs="+", default=["dense", "logistic_regression", "xgboost"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sounds, output = (Path(scratch, name) for name in ("sounds", "run"))
        make_sounds(sounds, arguments.clips, arguments.folder)
        settings = {
            "source.root": str(sounds),
            "features.network": arguments.network,
            "model": [{"head": head} for head in arguments.heads],
            "evaluate.min_score": 0,
        }
        meter = MemoryMeter()
        _, summary = run_observed(settings, output, meter)
    print(
        f"{summary['clips']['accepted']} clips.\n\n| node | seconds | peak, MB |\n|---|---:|---:|"
    )
    for node, begin, end in meter.nodes:
        print(f"| {node} | {end - begin:.1f} | {meter.peak(begin, end):,.0f} |")
    whole = meter.samples[-1][0]
    print(f"| all | {whole:.1f} | {meter.peak(0, whole):,.0f} |")
    plot(meter, arguments.plot)


if __name__ == "__main__":
    main()
