"""Beam's pipeline options for the runner that the configuration names."""

import json

from schema.config.beam_settings import (
    BeamSettings,
    DataflowSettings,
    FlinkSettings,
    SparkSettings,
    WorkerSettings,
    is_address,
)

_KEEP_WORKERS_MS = 30_000
"""How long an idle Python worker is kept. A new worker imports TensorFlow, which takes longer than
many steps."""

LOCAL_RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
"""Beam's local runner in Python. With the name `DirectRunner`, Beam would first try to download
another runner, Prism, so the network would decide which one runs."""

_NO_IMAGE = "none"
"""Without an image name, TFX would package its sources at every node and have the workers install
them, but they have TFX already. Only workers in containers read the name."""


def pipeline_options(settings: BeamSettings) -> list[str]:
    """Writes the settings as Beam's pipeline options.

    Args:
        settings: The section `beam`.

    Returns:
        Beam's command-line options; the user's own come last, because Beam takes the last value.
    """
    options = _words(runner=LOCAL_RUNNER, sdk_container_image=_NO_IMAGE)
    if settings.runner == "flink" and settings.flink:
        options = _flink(settings.flink)
    elif settings.runner == "spark" and settings.spark:
        options = _spark(settings.spark)
    elif settings.runner == "dataflow" and settings.dataflow:
        options = _dataflow(settings.dataflow)
    return [*options, *settings.args]


def _flink(flink: FlinkSettings) -> list[str]:
    return _words(
        runner="FlinkRunner",
        flink_master=flink.master,
        flink_version=flink.version,
        parallelism=flink.parallelism,
        **_job_server(flink.job_server, "flink_job_server_jar"),
        **_worker(flink.worker),
    )


def _spark(spark: SparkSettings) -> list[str]:
    return _words(
        runner="SparkRunner",
        spark_master_url=spark.master,
        **_job_server(spark.job_server, "spark_job_server_jar"),
        **_worker(spark.worker),
    )


def _dataflow(dataflow: DataflowSettings) -> list[str]:
    words = _words(
        runner="DataflowRunner",
        project=dataflow.project,
        region=dataflow.region,
        temp_location=dataflow.temp_location,
        staging_location=dataflow.staging_location,
        sdk_container_image=dataflow.image,
        sdk_location="container",  # The image has Beam; nothing is staged over it.
        worker_machine_type=dataflow.machine_type,
        max_num_workers=dataflow.max_workers,
    )
    # Beam would pickle the program that submits, for workers that have it installed.
    return [*words, "--no_save_main_session"]


def _job_server(place: str | None, jar_option: str) -> dict[str, str | None]:
    return {"job_endpoint": place} if is_address(place) else {jar_option: place}


def _worker(worker: WorkerSettings) -> dict[str, str | int | None]:
    config = {
        "docker": worker.image,
        "process": json.dumps({"command": worker.command}),
        "external": worker.address,
        "loopback": None,
    }[worker.kind]
    return {
        "environment_type": worker.kind.upper(),
        "environment_config": config,
        "environment_cache_millis": _KEEP_WORKERS_MS,
        "sdk_worker_parallelism": worker.processes,
        "sdk_container_image": worker.image or _NO_IMAGE,
    }


def _words(**options: str | int | None) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items() if value is not None]
