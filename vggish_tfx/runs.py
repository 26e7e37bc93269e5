"""Runs of the pipeline, and what they leave."""

import html
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
from rich.console import Console

from vggish.quiet_tensorflow import import_tensorflow_quietly

import_tensorflow_quietly()

from pipeline.catalog.catalog import read_catalog  # noqa: E402  TensorFlow is loaded by now.
from pipeline.catalog.catalog_page import print_catalog  # noqa: E402
from pipeline.cli.run_commands import Screen, run_quietly  # noqa: E402
from pipeline.jobs import open_job  # noqa: E402
from pipeline.runners.run_folder import RunFolder  # noqa: E402
from vggish.errors import ConfigError  # noqa: E402

_REPORT_HEIGHT = 640  # Pixels.


@dataclass(frozen=True)
class Report:
    """A report; a notebook shows it inline.

    Attributes:
        path: Its HTML file.
    """

    path: Path

    def _repr_html_(self) -> str:
        page = html.escape(self.path.read_text(encoding="utf-8"))
        return f'<iframe srcdoc="{page}" width="100%" height="{_REPORT_HEIGHT}"></iframe>'


class Run:
    """The results of a run.

    Args:
        folder: The run's output folder.

    Raises:
        ConfigError: No run has ended in the folder.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        paths = RunFolder(self.folder.expanduser().absolute())
        try:
            self.summary: dict[str, Any] = json.loads(paths.summary.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(
                f"{folder} holds no finished run (no {paths.summary.name}); name a run's output "
                "folder, such as runs/sounds."
            ) from error
        self.report = Report(paths.report)

    @property
    def metrics(self) -> dict[str, Any]:
        """Metrics by split, and the 95% intervals of test (`test_intervals`)."""
        return self.summary["metrics"]

    @property
    def model(self) -> str | None:
        """The folder of the pushed model, for `load`; None if none was pushed."""
        return self.summary["pushed_path"]

    @cached_property
    def predictions(self) -> pa.Table:
        """The test clips with their true and predicted classes and all scores, one row a clip."""
        return pa.parquet.read_table(self.folder / "test_predictions.parquet")

    @cached_property
    def embeddings(self) -> pa.Table:
        """The embeddings of all clips, one row a clip; for large data, read the files instead."""
        return pa.dataset.dataset(self.folder / "embeddings", format="parquet").to_table()

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"


def catalog(
    job: str | Path, *, data_root: str | None = None, settings: Mapping[str, Any] | None = None
) -> pa.Table:
    """Prints what is in a data set, as a run would see it.

    Args:
        job: A folder of sounds, a configuration file, or the name of a ready configuration.
        data_root: Folder of sounds, for a configuration.
        settings: Values by dotted key, such as `{"split.seed": 1}`.

    Returns:
        One row a file: path, labels, reason of refusal, split, duration in seconds.

    Raises:
        VggishError: The job or its data is wrong.
    """
    opened = open_job(str(job), _overrides(settings, data_root, None))
    config = opened.config
    found = read_catalog(config.source, config.ingest, config.split, lambda _: None)
    print_catalog(found, Console(highlight=False))
    rows = [
        {
            "path": row.path,
            "labels": list(row.labels),
            "reason": row.reason,
            "split": row.split,
            "duration": row.duration,
        }
        for row in found.rows
    ]
    return pa.Table.from_pylist(rows)


def run(
    job: str | Path,
    *,
    output: str | Path | None = None,
    data_root: str | None = None,
    checkpoint: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Run:
    """Runs a job on this machine; the progress is shown by node.

    Args:
        job: A folder of sounds, a configuration file, a table of embeddings, or the name of a
            ready configuration.
        output: The run's folder; default: runs/NAME.
        data_root: Folder of sounds, for a configuration.
        checkpoint: Path of vggish_model.ckpt, `download` or `random`.
        settings: Values by dotted key, such as `{"train.epochs": 5}`.

    Returns:
        The results.

    Raises:
        VggishError: The job or its data is wrong.
        NodeError: A node failed.

    Example:
        A run takes minutes, so this one is only shown:

        >>> done = run("sounds", checkpoint="download")  # doctest: +SKIP
        >>> done.metrics["test"]["accuracy"], done.model  # doctest: +SKIP
        (0.9, 'runs/sounds/serving/1795177961')
    """
    opened = open_job(str(job), _overrides(settings, data_root, checkpoint))
    for sentence in opened.found:
        print(sentence, file=sys.stderr)
    folder = Path(output or opened.output)
    run_quietly(opened, folder, Screen())
    return Run(folder)


def _overrides(
    settings: Mapping[str, Any] | None, data_root: str | None, checkpoint: str | None
) -> dict[str, Any]:
    named = {"source.root": data_root, "features.checkpoint": checkpoint}
    return {**(settings or {}), **{key: value for key, value in named.items() if value is not None}}
