"""Where the Beam-powered nodes run (`beam`)."""

from typing import Literal

from pydantic import Field, model_validator

from schema.config.settings import Settings


class WorkerSettings(Settings):
    """What runs the Python steps of a portable runner (`beam.flink.worker`, `beam.spark.worker`).

    Every kind of worker needs the same version of vggish-tfx and access to the same files.
    """

    kind: Literal["docker", "process", "external", "loopback"] = Field(
        default="docker",
        description="A container, a command or a worker pool next to every TaskManager or "
        "executor; or, for a test, the process that submits.",
    )
    image: str | None = Field(default=None, description="Container image, for `docker`.")
    command: str | None = Field(
        default=None, description="Path of deploy/flink/beam-worker, for `process`."
    )
    address: str | None = Field(
        default=None, description="HOST:PORT of Beam's worker pool, for `external`."
    )
    processes: int = Field(
        default=1, ge=0, description="Python workers per TaskManager or executor; 0: one per core."
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
    worker: WorkerSettings = Field(description="What runs the Python steps.")
    version: Literal["1.19", "1.20", "2.0", "2.1", "2.2"] = Field(
        default="1.19",
        description="Flink version of the cluster, which must match Beam's job server.",
    )
    job_server: str | None = Field(
        default=None,
        description="Job server of Beam: path or URL of its jar, or HOST:PORT of a running one; "
        "null: Beam downloads the jar of its own version.",
    )
    parallelism: int | None = Field(
        default=None, gt=0, description="Tasks per step; null: the cluster's default."
    )


class SparkSettings(Settings):
    """An Apache Spark cluster (`beam.spark`)."""

    master: str = Field(default="local[*]", description="Spark master, spark://HOST:PORT.")
    worker: WorkerSettings = Field(description="What runs the Python steps.")
    job_server: str | None = Field(
        default=None,
        description="Job server of Beam: path or URL of its jar, or HOST:PORT of a running one, "
        "which knows its master; null: Beam downloads the jar of its own version.",
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

    project: str = Field(description="Google Cloud project.")
    region: str = Field(description="Region of the workers, such as europe-west1.")
    temp_location: str = Field(
        pattern="^gs://", description="Folder of temporary files, gs://BUCKET/FOLDER."
    )
    image: str = Field(
        description="Container image of the workers, with vggish-tfx and Beam's boot."
    )
    staging_location: str | None = Field(
        default=None,
        pattern="^gs://",
        description="Folder of staged files; null: below temp_location.",
    )
    machine_type: str | None = Field(
        default=None, description="Machine type of the workers, such as n1-standard-4."
    )
    max_workers: int | None = Field(default=None, gt=0, description="Maximum number of workers.")


class BeamSettings(Settings):
    """What runs the Beam-powered nodes (`beam`)."""

    # Beam's default is its local runner, in this process. On 2 cores its other modes cost more
    # than they win, since each worker imports TensorFlow again.
    runner: Literal["local", "flink", "spark", "dataflow"] = Field(
        default="local",
        description="Where the nodes run; each runner but `local` needs the section of its name.",
    )
    flink: FlinkSettings | None = Field(default=None, description="Cluster of the runner `flink`.")
    spark: SparkSettings | None = Field(default=None, description="Cluster of the runner `spark`.")
    dataflow: DataflowSettings | None = Field(
        default=None, description="Service of the runner `dataflow`."
    )
    args: tuple[str, ...] = Field(
        default=(), description="Pipeline options of Beam, which win over the settings above."
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
    """Returns whether a job server is given as HOST:PORT, not as the path or URL of its jar."""
    host, colon, port = (place or "").rpartition(":")
    return bool(colon) and "/" not in host and port.isdecimal()
