"""Where the Beam-powered nodes run (`beam`)."""

from typing import Literal

from pydantic import Field, model_validator

from schema.config.settings import Settings


class WorkerSettings(Settings):
    """What runs the Python steps of a portable runner (`beam.flink.worker`, `beam.spark.worker`).

    Whatever it is, it must have this vggish-tfx installed and see the same files.
    """

    kind: Literal["docker", "process", "external", "loopback"] = Field(
        default="docker",
        description="A container, a command or a worker pool beside every TaskManager or executor; "
        "or, to try things, the process that submits.",
    )
    image: str | None = Field(default=None, description="The container image, of `docker`.")
    command: str | None = Field(
        default=None, description="The path of deploy/flink/beam-worker, of `process`."
    )
    address: str | None = Field(
        default=None, description="HOST:PORT of Beam's worker pool, of `external`."
    )
    processes: int = Field(
        default=1, ge=0, description="Python workers a TaskManager or executor; 0: one a core."
    )

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> "WorkerSettings":
        needed = {"docker": "image", "process": "command", "external": "address"}.get(self.kind)
        for key in ("image", "command", "address"):
            if key == needed and getattr(self, key) is None:
                raise ValueError(f"a worker of kind {self.kind} needs `{key}`")
            if key != needed and getattr(self, key) is not None:
                raise ValueError(f"a worker of kind {self.kind} has no `{key}`; take it out")
        return self


class FlinkSettings(Settings):
    """An Apache Flink cluster (`beam.flink`)."""

    master: str = Field(description="HOST:PORT of the JobManager's REST API.")
    worker: WorkerSettings
    version: Literal["1.19", "1.20", "2.0", "2.1", "2.2"] = Field(
        default="1.19", description="The cluster's Flink version, which Beam's job server must fit."
    )
    job_server: str | None = Field(
        default=None,
        description="Beam's job server: the path or URL of its jar, or HOST:PORT of a running one; "
        "null: Beam fetches the jar of its own version.",
    )
    parallelism: int | None = Field(
        default=None, gt=0, description="Tasks a step; null: the cluster's default."
    )


class SparkSettings(Settings):
    """An Apache Spark cluster (`beam.spark`)."""

    master: str = Field(default="local[*]", description="Spark's master, spark://HOST:PORT.")
    worker: WorkerSettings
    job_server: str | None = Field(
        default=None,
        description="Beam's job server: the path or URL of its jar, or HOST:PORT of a running one, "
        "which knows its master; null: Beam fetches the jar of its own version.",
    )

    @model_validator(mode="after")
    def _has_one_master(self) -> "SparkSettings":
        if is_address(self.job_server) and "master" in self.model_fields_set:
            raise ValueError(
                "a running `job_server` knows its Spark already; take `master` or `job_server` out"
            )
        return self


class DataflowSettings(Settings):
    """Google Cloud Dataflow (`beam.dataflow`)."""

    project: str = Field(description="The Google Cloud project.")
    region: str = Field(description="Such as europe-west1.")
    temp_location: str = Field(pattern="^gs://", description="A folder, gs://BUCKET/FOLDER.")
    image: str = Field(description="The workers' container image, with vggish-tfx and Beam's boot.")
    staging_location: str | None = Field(
        default=None, pattern="^gs://", description="A folder; null: below temp_location."
    )
    machine_type: str | None = Field(default=None, description="Such as n1-standard-4.")
    max_workers: int | None = Field(default=None, gt=0, description="At most so many machines.")


class BeamSettings(Settings):
    """What runs the Beam-powered nodes (`beam`)."""

    # Beam's own default is its local runner, in this process. On 2 cores its other modes cost more
    # than they win, since each worker imports TensorFlow again.
    runner: Literal["local", "flink", "spark", "dataflow"] = Field(
        default="local", description="Which of the sections below counts; local: none."
    )
    flink: FlinkSettings | None = Field(default=None, description="The cluster, of `flink`.")
    spark: SparkSettings | None = Field(default=None, description="The cluster, of `spark`.")
    dataflow: DataflowSettings | None = Field(default=None, description="Of `dataflow`.")
    args: tuple[str, ...] = Field(
        default=(), description="More of Beam's own pipeline options; they win."
    )

    @model_validator(mode="after")
    def _has_its_runner(self) -> "BeamSettings":
        if self.runner != "local" and getattr(self, self.runner) is None:
            raise ValueError(f"the runner {self.runner} needs the section `beam.{self.runner}`")
        for arg in self.args:
            if arg.partition("=")[0] == "--runner":
                raise ValueError(f"name the runner as `beam.runner`, not as {arg!r} in `beam.args`")
        return self


def is_address(place: str | None) -> bool:
    """Whether a job server is named by HOST:PORT, not by the path or URL of its jar."""
    host, colon, port = (place or "").rpartition(":")
    return bool(colon) and "/" not in host and port.isdecimal()
