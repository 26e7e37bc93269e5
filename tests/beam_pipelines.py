"""Beam pipelines of tests, on the runner that the product names."""

from pathlib import Path

from apache_beam.testing import test_pipeline
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor

from pipeline.runners.beam_options import LOCAL_RUNNER, pipeline_options
from schema.config.beam_settings import BeamSettings


class TestPipeline(test_pipeline.TestPipeline):
    """Beam's pipeline for tests, which otherwise tries to download another runner."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__(runner=LOCAL_RUNNER)


def local_context(folder: Path) -> BaseBeamExecutor.Context:
    """What TFX tells an executor of a run on this machine."""
    return BaseBeamExecutor.Context(
        beam_pipeline_args=pipeline_options(BeamSettings()),
        tmp_dir=str(folder / "tmp"),
        unique_id="1",
    )
