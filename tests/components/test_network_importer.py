"""The imported weights, and the precision in which the network runs."""

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import standard_artifacts

from components.network_importer import precision_trial
from components.network_importer.executor import Executor
from components.network_importer.precision_trial import faster_precision
from schema.imported_weights import read_imported_weights
from vggish.progress import LOGGER_NAME
from vggish.weights.weight_arrays import random_weights

PROPERTIES = {"network": "vggish", "checkpoint": "random", "seed": 0, "compute": "float32"}


def run(folder: Path, **properties: Any) -> standard_artifacts.Model:
    weights = standard_artifacts.Model()
    weights.uri = str(folder)
    context = BaseExecutor.Context(tmp_dir=str(folder / "tmp"), unique_id="1")
    Executor(context).Do({}, {"weights": [weights]}, PROPERTIES | properties)
    return weights


@pytest.mark.parametrize(
    ("bfloat16", "compute"),
    [(0.5, "bfloat16"), (0.76, "bfloat16"), (0.8, "float32"), (2, "float32")],
)
def test_less_exact_numbers_must_be_much_faster(
    monkeypatch: pytest.MonkeyPatch, bfloat16: float, compute: str
) -> None:
    monkeypatch.setattr(precision_trial, "_seconds_a_batch", lambda *_: (1, bfloat16))
    assert faster_precision("vggish", {}) == compute


def test_the_trial_runs_the_network_and_tells_what_it_found(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, LOGGER_NAME):
        chosen = faster_precision("yamnet", random_weights(0, "yamnet"))
    told = re.fullmatch(r"bfloat16 is (\S+) times as fast as float32: (\S+)", caplog.messages[-1])
    assert told
    assert float(told[1]) > 0
    assert chosen == told[2]


def test_auto_goes_with_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision_trial, "_seconds_a_batch", lambda *_: (1, 0.5))
    weights = run(tmp_path, compute="auto")
    imported = read_imported_weights(str(tmp_path / "Format-Serving"))
    assert imported.origin.compute == "bfloat16"
    assert weights.get_string_custom_property("compute") == "bfloat16"


def test_a_named_precision_is_not_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision_trial, "_seconds_a_batch", None)
    run(tmp_path, compute="bfloat16")
    imported = read_imported_weights(str(tmp_path / "Format-Serving"))
    assert imported.origin.compute == "bfloat16"
