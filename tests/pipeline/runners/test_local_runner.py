"""What the local runner does around every node."""

import weakref
from pathlib import Path

import flaky_nodes
from apache_beam.utils.shared import Shared
from trial_runs import Trial


class Model:
    """As a Keras model, it is in a cycle of references."""

    def __init__(self) -> None:
        self.itself = self


def test_a_model_that_a_node_s_beam_steps_shared_is_freed_after_it(tmp_path: Path) -> None:
    kept = weakref.ref(Shared().acquire(Model))
    assert kept() is not None
    Trial(tmp_path).run(flaky_nodes.Slow(seconds=0.0))
    assert kept() is None
