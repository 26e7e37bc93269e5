"""What a configuration says of Beam's runner, and that it reaches the job of a real node."""

import json
from pathlib import Path
from typing import Any

import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner
from apache_beam.runners.dataflow.internal import apiclient
from job_service import job_service
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils, standard_artifacts

from components.artifacts import EmbeddingTable, Rejects
from components.embedding_exporter.executor import Executor
from pipeline.config_checks import check_config, check_config_without_data
from pipeline.runners.beam_options import LOCAL_RUNNER, pipeline_options
from pipeline.runners.kubeflow_spec import compile_pipeline
from schema.config.beam_settings import BeamSettings
from schema.config.config_file import load_config
from vggish.errors import ConfigError

IMAGE = "vggish-tfx:1"
DATAFLOW = {
    "project": "sounds",
    "region": "europe-west1",
    "temp_location": "gs://bucket/tmp",
    "staging_location": "gs://bucket/staging",
    "image": IMAGE,
    "machine_type": "n1-standard-4",
    "max_workers": 7,
}
FLINK = {"master": "flink:8081", "parallelism": 4, "worker": {"kind": "docker", "image": IMAGE}}
SPARK = {"master": "spark://spark:7077", "worker": {"kind": "external", "address": "pool:50000"}}
ALL = {"flink": FLINK, "spark": SPARK, "dataflow": DATAFLOW}

LOCAL = [f"--runner={LOCAL_RUNNER}", "--sdk_container_image=none"]


def options_of(beam: dict[str, Any]) -> dict[str, Any]:
    """What Beam's own parser makes of the settings."""
    words = pipeline_options(BeamSettings.model_validate(beam))
    return PipelineOptions(words).get_all_options(drop_default=True)


def run_embedding_exporter(folder: Path, beam: dict[str, Any]) -> None:
    """Runs a node as TFX does; it has no clips, for it only has to build its job."""
    examples = standard_artifacts.Examples()
    examples.uri = str(folder / "transformed")
    examples.split_names = artifact_utils.encode_split_names(["train", "test"])
    inputs = {
        "examples": [examples],
        "transform_graph": [standard_artifacts.TransformGraph()],
        "weights": [standard_artifacts.Model()],
        "rejects": [Rejects()],
    }
    outputs = {"embeddings": [standard_artifacts.Examples()], "table": [EmbeddingTable()]}
    for artifacts in [*inputs.values(), *outputs.values()]:
        artifacts[0].uri = artifacts[0].uri or str(folder / artifacts[0].type_name)
    summary = {"by_split": {"train": 0, "test": 0}}
    rejects = Path(artifact_utils.get_single_uri(inputs["rejects"]))
    rejects.mkdir()
    (rejects / "summary.json").write_text(json.dumps(summary))
    graph = Path(artifact_utils.get_single_uri(inputs["transform_graph"]))
    (graph / "transformed_metadata").mkdir(parents=True)
    (graph / "transformed_metadata" / "schema.pbtxt").touch()  # No embeddings instead of sound.
    origin = {"network": "vggish", "weights": "random", "sha256": ""}
    weights = Path(artifact_utils.get_single_uri(inputs["weights"]), "Format-Serving")
    weights.mkdir(parents=True)
    (weights / "origin.json").write_text(json.dumps(origin))
    embeddings = Path(artifact_utils.get_single_uri(outputs["embeddings"]))
    embeddings.mkdir()
    (embeddings / "counts.jsonl").touch()  # As the job would have written it, had it run.
    context = BaseBeamExecutor.Context(
        beam_pipeline_args=pipeline_options(BeamSettings.model_validate(beam)),
        tmp_dir=str(folder / "tmp"),
        unique_id="1",
    )
    Executor(context).Do(inputs, outputs, {"features": "fusion", "with_table": 1})


def python_steps(proto: beam_runner_api_pb2.Pipeline) -> dict[str, beam_runner_api_pb2.Environment]:
    """By step of a job's graph, what its Python runs in."""
    parts = proto.components
    return {
        transform.unique_name: parts.environments[transform.environment_id]
        for transform in parts.transforms.values()
        if transform.environment_id and transform.spec.urn == common_urns.primitives.PAR_DO.urn
    }


def packages(environment: beam_runner_api_pb2.Environment) -> list[str]:
    """What workers would be bidden to install; they have it all, and may have no network."""
    names = [
        beam_runner_api_pb2.ArtifactStagingToRolePayload.FromString(artifact.role_payload)
        for artifact in environment.dependencies
    ]
    # Beam's list of what is installed here, which is for people.
    known = "submission_environment_dependencies.txt"
    return [name.staged_name for name in names if name.staged_name != known]


@pytest.mark.parametrize("runner", [{}, {"runner": "local"}, {"runner": "local", **ALL}])
def test_the_local_runner_needs_no_options(runner: dict[str, Any]) -> None:
    assert pipeline_options(BeamSettings.model_validate(runner)) == LOCAL


def test_one_file_runs_under_every_runner(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(json.dumps({"source": {"root": "/sounds"}, "beam": ALL}))
    runners = {}
    for name in ("local", *ALL):
        config = load_config(path, {"beam.runner": name})
        assert config.model_copy(update={"beam": BeamSettings()}) == load_config(
            path, {}
        ).model_copy(update={"beam": BeamSettings()})
        runners[name] = PipelineOptions(pipeline_options(config.beam)).get_all_options()["runner"]
    assert runners == {
        "local": LOCAL_RUNNER,
        "flink": "FlinkRunner",
        "spark": "SparkRunner",
        "dataflow": "DataflowRunner",
    }


def test_own_options_win() -> None:
    options = options_of(
        {"runner": "flink", "flink": FLINK, "args": ["--parallelism=9", "--save_main_session"]}
    )
    assert options["parallelism"] == 9
    assert options["save_main_session"] is True
    assert options["flink_master"] == "flink:8081"


@pytest.mark.parametrize(
    ("worker", "kind", "config"),
    [
        ({"kind": "docker", "image": IMAGE}, "DOCKER", IMAGE),
        ({"kind": "process", "command": "/w"}, "PROCESS", '{"command": "/w"}'),
        ({"kind": "external", "address": "pool:50000"}, "EXTERNAL", "pool:50000"),
        ({"kind": "loopback"}, "LOOPBACK", None),
    ],
)
def test_workers_are_named_in_beams_terms(
    worker: dict[str, str], kind: str, config: str | None
) -> None:
    for runner, section in (("flink", FLINK), ("spark", SPARK)):
        options = options_of({"runner": runner, runner: {**section, "worker": worker}})
        assert options["environment_type"] == kind
        assert options.get("environment_config") == config


@pytest.mark.parametrize(
    ("place", "option"),
    [
        ("localhost:8099", "job_endpoint"),
        ("/opt/job-server.jar", "job_server_jar"),
        ("https://jars.example:8443/job-server.jar", "job_server_jar"),
    ],
)
def test_a_job_server_is_a_jar_or_runs_already(place: str, option: str) -> None:
    for runner, worker in (("flink", FLINK), ("spark", SPARK)):
        section = {"worker": worker["worker"], "job_server": place}
        if runner == "flink":
            section["master"] = "flink:8081"
        options = options_of({"runner": runner, runner: section})
        places = {key: value for key, value in options.items() if value == place}
        expected = option if option == "job_endpoint" else f"{runner}_{option}"
        assert places == {expected: place}


@pytest.mark.parametrize(
    ("beam", "says"),
    [
        ({"runner": "flnik"}, "'beam.runner'"),
        ({"runner": "flink"}, "the runner flink needs the section `beam.flink`"),
        (
            {"runner": "dataflow", "flink": FLINK},
            "the runner dataflow needs the section `beam.dataflow`",
        ),
        ({"flink": {"worker": {"kind": "loopback"}}}, "the key 'beam.flink.master' is missing"),
        ({"flink": {"master": "f:1"}}, "the key 'beam.flink.worker' is missing"),
        (
            {"flink": {**FLINK, "worker": {"kind": "docker"}}},
            "'beam.flink.worker': a worker of kind docker needs `image`",
        ),
        (
            {"spark": {**SPARK, "worker": {"kind": "external", "image": IMAGE}}},
            "'beam.spark.worker': a worker of kind external has no `image`; take it out",
        ),
        (
            {"spark": {**SPARK, "job_server": "spark:8099"}},
            "'beam.spark': a running `job_server` knows its Spark already",
        ),
        ({"flink": {**FLINK, "version": "1.18"}}, "'beam.flink.version'"),
        ({"flink": {**FLINK, "paralelism": 2}}, "did you mean 'parallelism'?"),
        ({"dataflow": {**DATAFLOW, "temp_location": "/tmp"}}, "'beam.dataflow.temp_location'"),  # noqa: S108
        (
            {"dataflow": {k: v for k, v in DATAFLOW.items() if k != "project"}},
            "the key 'beam.dataflow.project' is missing",
        ),
        ({"args": ["--runner=FlinkRunner"]}, "name the runner as `beam.runner`"),
    ],
)
def test_wrong_combinations_are_refused_in_one_sentence(
    tmp_path: Path, beam: dict[str, Any], says: str
) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(json.dumps({"source": {"root": "/sounds"}, "beam": beam}))
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("beam", "says"),
    [
        ({"runner": "dataflow", "dataflow": DATAFLOW}, "Dataflow's workers (beam.runner) cannot"),
        ({"runner": "flink", "flink": FLINK}, "containers (beam.flink.worker.kind) cannot see"),
        ({"runner": "spark", "spark": {"worker": FLINK["worker"]}}, "(beam.spark.worker.kind)"),
    ],
)
def test_workers_must_see_the_folder_of_a_local_run(
    tmp_path: Path, beam: dict[str, Any], says: str
) -> None:
    path = tmp_path / "job.yaml"
    features = {"checkpoint": "random"}
    path.write_text(json.dumps({"source": {"root": "/sounds"}, "features": features, "beam": beam}))
    config = load_config(path, {})
    with pytest.raises(ConfigError) as caught:
        check_config(config)
    assert says in str(caught.value)
    # Elsewhere, the run's folder is in object storage.
    check_config_without_data(load_config(path, {"model.task": "single_label"}))


@pytest.mark.parametrize(
    ("runner", "section", "urn", "payload"),
    [
        (
            "spark",
            {"worker": SPARK["worker"]},
            common_urns.environments.EXTERNAL.urn,
            b"pool:50000",
        ),
        (
            "spark",
            {"worker": FLINK["worker"]},
            common_urns.environments.DOCKER.urn,
            IMAGE.encode(),
        ),
        ("flink", FLINK, common_urns.environments.DOCKER.urn, IMAGE.encode()),
    ],
)
def test_settings_reach_the_job_of_a_portable_runner(
    tmp_path: Path, runner: str, section: dict[str, Any], urn: str, payload: bytes
) -> None:
    with job_service() as service:
        beam = {"runner": runner, runner: {**section, "job_server": service.address}}
        run_embedding_exporter(tmp_path, beam)
    (job,) = service.prepared
    steps = python_steps(job.pipeline)
    assert any("Embed" in step for step in steps)
    # Clips are spread over all tasks, not the few files of the step before.
    assert any("Spread" in step for step in steps)
    assert {environment.urn for environment in steps.values()} == {urn}
    assert all(payload in environment.payload for environment in steps.values())
    assert not any(packages(environment) for environment in steps.values())
    options = job.pipeline_options
    assert options["beam:option:environment_cache_millis:v1"] == "30000"
    if runner == "flink":
        assert options["beam:option:flink_master:v1"] == "flink:8081"
        assert options["beam:option:parallelism:v1"] == "4"


def test_settings_reach_the_job_of_dataflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = []
    run_pipeline = DataflowRunner.run_pipeline

    def keep_job(*args: Any, **kwargs: Any) -> Any:
        result = run_pipeline(*args, **kwargs)
        jobs.append(result.job)
        return result

    monkeypatch.setattr(DataflowRunner, "run_pipeline", keep_job)
    # `--dry_run`: Beam builds the job, and stops short of Google's network.
    run_embedding_exporter(
        tmp_path, {"runner": "dataflow", "dataflow": DATAFLOW, "args": ["--dry_run=True"]}
    )
    (job,) = jobs
    steps = python_steps(job.proto_pipeline)
    assert any("Embed" in step for step in steps)
    for environment in steps.values():
        assert environment.urn == common_urns.environments.DOCKER.urn
        payload = beam_runner_api_pb2.DockerPayload.FromString(environment.payload)
        assert payload.container_image == IMAGE
        assert not packages(environment)

    request = apiclient.Environment(
        packages=[],
        options=job.options,
        environment_version="1",
        proto_pipeline_staged_url="gs://bucket/staging/pipeline.pb",
        proto_pipeline=job.proto_pipeline,
    ).proto
    (pool,) = request.worker_pools
    assert pool.machine_type == "n1-standard-4"
    assert pool.autoscaling_settings.max_num_workers == 7
    assert [image.container_image for image in pool.sdk_harness_container_images] == [IMAGE]
    assert request.temp_storage_prefix.startswith("storage.googleapis.com/bucket/tmp/")
    assert job.google_cloud_options.project == "sounds"
    assert job.google_cloud_options.region == "europe-west1"
    assert job.google_cloud_options.staging_location.startswith("gs://bucket/staging/")


def test_settings_reach_the_nodes_of_a_compiled_pipeline(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    settings = {
        "source": {"root": "gs://bucket/sounds"},
        "model": {"task": "single_label"},
        "beam": {"runner": "dataflow", **ALL},
    }
    path.write_text(json.dumps(settings))
    config = check_config_without_data(load_config(path, {}))
    compiled = compile_pipeline(config, IMAGE, "gs://bucket/runs")
    executors = compiled["deploymentSpec"]["executors"]
    arguments = {
        name.removesuffix("_executor"): executor["container"]["args"]
        for name, executor in executors.items()
        if "container" in executor
    }
    for node in ("AudioExampleGen", "StatisticsGen", "Transform", "EmbeddingExporter", "Evaluator"):
        assert set(pipeline_options(config.beam)) <= set(arguments[node]), node
