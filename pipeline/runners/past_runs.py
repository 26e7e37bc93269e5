"""Reads what past runs found, and in what they differ."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from components.evaluation_results import SCORE_BY_TASK
from pipeline.runners.run_folder import RunFolder
from vggish.errors import ConfigError

_NOT_SET = "default"


@dataclass(frozen=True)
class PastRun:
    """One run.

    Attributes:
        folder: The run's output folder.
        when: The start of the run.
        summary: The content of `summary.json`.
    """

    folder: Path
    when: datetime
    summary: Mapping[str, Any]

    @property
    def title(self) -> str:
        """The folder's name and the time, which tells runs in one folder apart."""
        return f"{self.folder.name} {self.when:%Y-%m-%d %H:%M:%S}"

    @property
    def scores(self) -> list["ModelScore"]:
        """The run's models."""
        return [ModelScore(self, model) for model in self.summary["models"]]


@dataclass(frozen=True)
class ModelScore:
    """One model of a run.

    Attributes:
        run: The run.
        model: The model's row in `models` of `summary.json`.
    """

    run: PastRun
    model: Mapping[str, Any]

    @property
    def metric(self) -> str:
        """The metric by which models of this task are judged."""
        return SCORE_BY_TASK[self.model["task"]]

    @property
    def eval(self) -> float:
        """The metric on the eval split."""
        return self.model["metrics"]["eval"][self.metric]

    @property
    def test(self) -> float:
        """The metric on the test split."""
        return self.model["metrics"]["test"][self.metric]

    @property
    def interval(self) -> Sequence[float] | None:
        """Bounds of the 95% interval of `test`; None if there are too few clips."""
        return self.model["metrics"]["test_intervals"].get(self.metric)

    @property
    def fate(self) -> str:
        """What became of the model."""
        if not self.model["blessed"]:
            return "not blessed"
        return "pushed" if self.model["chosen"] and self.run.summary["pushed_path"] else ""


def read_past_runs(path: Path) -> list[PastRun]:
    """Reads the runs of an output folder, except those that only repeated an earlier one.

    Args:
        path: The output folder.

    Returns:
        The runs, the earliest first.

    Raises:
        ConfigError: The folder is not the output folder of a finished run.
    """
    folder = RunFolder(path.expanduser().absolute())
    files = sorted(folder.history.glob(f"*/{folder.summary.name}"))
    runs = [
        PastRun(path, folder.start_of(file.parent), json.loads(file.read_text())) for file in files
    ]
    if not runs:
        raise ConfigError(
            f"{path} is not the output folder of a finished run, as it has no folder `history`; "
            "name one that is."
        )
    return [run for run in runs if run is runs[0] or "Report" not in run.summary["cached"]]


def differences(runs: Sequence[PastRun]) -> list[dict[str, str]]:
    """Finds the settings in which runs differ.

    Args:
        runs: The runs.

    Returns:
        For each run, its values of these settings by dotted name, such as `train.epochs`.
    """
    settings = [dict(_flat(run.summary["config"])) for run in runs]
    names = dict.fromkeys(name for one in settings for name in one)
    differ = [name for name in names if len({one.get(name) for one in settings}) > 1]
    return [{name: one.get(name, _NOT_SET) for name in differ} for one in settings]


def _flat(section: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in section.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        elif key == "model":
            for model in value:
                name = model.get("name", model.get("head", "dense"))
                yield from _flat(model, f"{prefix}{key}.{name}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value)
