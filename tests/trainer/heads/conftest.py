"""Every classical head fitted once, and scored in a process that has nothing but TensorFlow."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from classical_cases import SERVE, SETTINGS, TASKS, Case, clips_to_score, export, make_clips

from schema.config.model_settings import TrainSettings
from trainer.heads.classical_head import FittedClassicalHead, fit_classical_head


@pytest.fixture(scope="session")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Case]:
    """Every head on every task."""
    root = tmp_path_factory.mktemp("heads")
    fitted: dict[tuple[str, str], tuple[FittedClassicalHead, np.ndarray, Path]] = {}
    for number, (name, task) in enumerate((n, t) for n in SETTINGS for t in TASKS):
        train, evaluation = (make_clips(count, task, seed=count) for count in (90, 40))
        classes = [str(i) for i in range(TASKS[task])]
        head = fit_classical_head(SETTINGS[name], classes, train, evaluation, TrainSettings())
        features = clips_to_score(head, train, task)
        folder = root / str(number)
        folder.mkdir()
        export(head.lowered, folder / "model")
        np.save(folder / "features.npy", features)
        fitted[name, task] = head, features, folder
    subprocess.run([sys.executable, "-I", "-c", SERVE, str(root)], check=True)
    return {
        (name, task): Case(
            head,
            task == "labels",
            [str(i) for i in range(TASKS[task])],
            features,
            np.load(folder / "scores.npy"),
            folder,
        )
        for (name, task), (head, features, folder) in fitted.items()
    }


@pytest.fixture(params=[(n, t) for n in SETTINGS for t in TASKS], ids=lambda c: f"{c[0]}, {c[1]}")
def case(request: pytest.FixtureRequest, cases: dict[tuple[str, str], Case]) -> Any:
    """One of them."""
    return cases[request.param]
