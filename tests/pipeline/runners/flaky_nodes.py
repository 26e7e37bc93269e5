"""Nodes that fail as storage does, or take their time."""

import os
import time
from pathlib import Path

import tensorflow as tf
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import String

from vggish.errors import DataSetError


@component
def Flaky(  # noqa: N802 - TFX names a node after its function.
    tries: Parameter[str],
    failures: Parameter[int],
    kind: Parameter[str],
    out: OutputArtifact[String],
) -> None:
    """Fails so many times, counted in a file, and then writes its output."""
    count = len(Path(tries).read_text()) if Path(tries).exists() else 0
    Path(tries).write_text("x" * (count + 1))
    if count < failures:
        if kind == "storage":
            raise tf.errors.UnavailableError(None, None, "the bucket is away")
        if kind == "worker":  # As Beam's runners hand a worker's exception on.
            raise RuntimeError("Traceback …\nConnectionResetError: [Errno 104] by peer\n")
        raise DataSetError("There are no sounds.")
    os.makedirs(os.path.dirname(out.uri), exist_ok=True)
    out.value = "done"


@component
def Slow(seconds: Parameter[float], out: OutputArtifact[String]) -> None:  # noqa: N802
    """Takes its time, in small steps."""
    for _ in range(round(seconds * 10)):
        time.sleep(0.1)
    out.value = "done"
