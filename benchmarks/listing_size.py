"""Time and memory of listing millions of files, dealing them to splits, and building the job.

Usage: python benchmarks/listing_size.py [--files N] [--classes C]

The files are made up by a stand-in for the storage: one folder a class, ten files a group. Prints
CPU seconds and the process's memory after each step, and the size of the job's graph. Every class
has its share in every split, as the default settings want it.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
from components.audio_example_gen.sources.file_tree import Entry
from components.audio_example_gen.sources.local_tree import LocalTree

from components.audio_example_gen import sources
from components.audio_example_gen.duplicates import may_be_copies
from components.audio_example_gen.listed_files import ReadListedFiles
from schema.config.source_settings import SourceSettings


class MadeUpTree(LocalTree):
    """A storage of files that do not exist.

    Args:
        files: Their number.
        classes: Number of folders.
    """

    def __init__(self, files: int, classes: int):
        super().__init__("/made/up")
        self._files = files
        self._classes = classes

    def walk(self, folder: str = "") -> Iterator[Entry]:
        """See `FileTree`."""
        del folder
        for label in range(self._classes):
            for number in range(label, self._files, self._classes):
                path = f"class_{label:03}/speaker{number // 10:07}_nohash_{number:08}.wav"
                yield Entry(path, 32_044 + number, 1_700_000_000_000_000_000 + number)


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=2_000_000)
    parser.add_argument("--classes", type=int, default=35)
    arguments = parser.parse_args()
    tree = MadeUpTree(arguments.files, arguments.classes)
    sources.open_tree = lambda _: tree
    report = _Report()
    settings = SourceSettings(root="/made/up", group_pattern="/(.*?)_nohash_")
    listing = sources.list_source(settings)
    report.step("listing, splits and fingerprint")
    copies = may_be_copies(listing.files)
    report.step("files of the same size")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "files")
        pipeline = beam.Pipeline()
        _ = pipeline | "Files" >> ReadListedFiles(str(path), listing.files)
        _ = pipeline | "SameSizes" >> ReadListedFiles(f"{path}_same", copies)
        graph = len(pipeline.to_runner_api().SerializeToString())
        report.step("list in storage, and graph")
        print(f"{len(listing.files):,} files: graph {graph / 1e3:.0f} kB, ", end="")
        print(f"list {path.stat().st_size / 1e6:.0f} MB in storage")


class _Report:
    """Prints what each step took."""

    def __init__(self) -> None:
        self._cpu = time.process_time()

    def step(self, name: str) -> None:
        """Prints the CPU time since the last step, and the memory now and at most."""
        status = Path("/proc/self/status").read_text().split()
        now, peak = (int(status[status.index(f"{f}:") + 1]) / 1e6 for f in ("VmRSS", "VmHWM"))
        print(f"{name}: {time.process_time() - self._cpu:.0f} s, {now:.2f} GB, {peak:.2f} at most")
        self._cpu = time.process_time()


if __name__ == "__main__":
    main()
