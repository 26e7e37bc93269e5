"""What is costly to make, made once for all tests."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vggish.weights.weight_arrays import random_weights


@pytest.fixture(scope="session")
def slim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `vggish_model.ckpt`, `variables.npz` and `layers.npz`."""
    folder = tmp_path_factory.mktemp("slim")
    oracle = Path(__file__).parent / "weights" / "slim_oracle.py"
    # A process of its own, because slim needs TensorFlow 1 behaviour for good.
    subprocess.run([sys.executable, oracle, folder], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def weights() -> dict[str, np.ndarray]:
    """Random weights of seed 0; not to be changed."""
    return random_weights(0)
