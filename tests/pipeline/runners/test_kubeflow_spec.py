"""The compiled pipeline: what it says, and what comes out where its own commands are run."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from google.protobuf import json_format
from kfp.components import load_component_from_text
from kfp.pipeline_spec import pipeline_spec_pb2
from kubeflow_replay import Replay
from typer.testing import CliRunner

from pipeline.cli.main import app
from pipeline.config_checks import check_config_without_data
from pipeline.create_pipeline import push_destination
from pipeline.demo.sound_synthesizer import write_sound_set
from pipeline.runners.kubeflow_spec import RUN_PARAMETERS, compile_pipeline
from schema.config.config_file import load_config
from vggish.errors import ConfigError

PROJECT = Path(__file__).resolve().parents[3]
GOLDEN = Path(__file__).with_name("kubeflow_golden.json")
IMAGE = "project/vggish-tfx:1"
BEFORE_TRAINING = (
    "AudioExampleGen",
    "SchemaImporter",
    "StatisticsGen",
    "ExampleValidator",
    "Transform",
    "NetworkImporter",
    "EmbeddingExporter",
)
MODELS = [{"head": "dense", "train": {"epochs": 3}}, {"head": "knn", "name": "neighbours"}]
JOB = {
    "source": {"root": "gs://bucket/sounds"},
    "features": {"checkpoint": "random"},
    "model": MODELS,
    "resources": {
        "default": {"cpu": 2, "memory_gb": 8},
        "Trainer": {"cpu": 8, "memory_gb": 32, "accelerator": "NVIDIA_TESLA_T4"},
        "Trainer_neighbours": {"memory_gb": 64},
    },
}


def compiled(folder: Path, root: str | None = "gs://bucket/out", **sections: Any) -> dict[str, Any]:
    file = folder / "job.yaml"
    file.write_text(yaml.safe_dump(JOB | sections))
    return compile_pipeline(check_config_without_data(load_config(file, {})), IMAGE, root)


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return compiled(tmp_path_factory.mktemp("job"))


def without_versions(spec: dict[str, Any]) -> dict[str, Any]:
    """Leaves out what every change of the code changes."""
    text = json.dumps(spec)
    return json.loads(re.sub(r'(code_version[\\": {a-zA-Z]*")[0-9a-f]{16}', r"\1HASH", text))


def test_golden_spec(spec: dict[str, Any], request: pytest.FixtureRequest) -> None:
    """`pytest --write-golden` writes the file anew; look at the difference before you commit it."""
    found = without_versions(spec)
    if request.config.getoption("--write-golden"):
        GOLDEN.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    assert found == json.loads(GOLDEN.read_text())


def test_kfp_takes_the_spec(spec: dict[str, Any]) -> None:
    message = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    assert message.schema_version == "2.1.0"
    component = load_component_from_text(json.dumps(spec))
    assert set(component.component_spec.inputs) == set(RUN_PARAMETERS)


def test_parameters_of_a_run(spec: dict[str, Any], tmp_path: Path) -> None:
    def defaults(spec: dict[str, Any]) -> dict[str, str]:
        parameters = spec["root"]["inputDefinitions"]["parameters"]
        assert set(parameters) == set(RUN_PARAMETERS)
        return {k: v["defaultValue"] for k, v in parameters.items() if "defaultValue" in v}

    assert defaults(spec) == {
        "data_root": "gs://bucket/sounds",
        "checkpoint": "random",
        "push_destination": push_destination("gs://bucket/out/serving"),
    }
    assert spec["defaultPipelineRoot"] == "gs://bucket/out/pipeline"
    at_home = compiled(tmp_path, None, source={"root": "~/sounds"}, features={})
    assert defaults(at_home) == {}
    assert "defaultPipelineRoot" not in at_home
    used = {
        key: sorted(
            task
            for task, body in spec["root"]["dag"]["tasks"].items()
            for value in body["inputs"].get("parameters", {}).values()
            if value.get("componentInputParameter") == key
        )
        for key in RUN_PARAMETERS
    }
    assert used == {
        "data_root": ["AudioExampleGen"],
        "checkpoint": ["NetworkImporter"],
        "push_destination": ["LatestPushedModel", "Pusher"],
    }


def test_folds_and_a_search_are_nodes(tmp_path: Path) -> None:
    spec = compiled(tmp_path, evaluate={"folds": 5}, tune={"trials": 3})
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    tasks = spec["root"]["dag"]["tasks"]
    assert {"Tuner", "CrossValidator_dense", "CrossValidator_neighbours"} <= tasks.keys()
    assert "CrossValidator_tuned" not in tasks

    def producer(task: str, key: str) -> str:
        return tasks[task]["inputs"]["artifacts"][key]["taskOutputArtifact"]["producerTask"]

    assert producer("Trainer_tuned", "hyperparameters") == "Tuner"
    assert "hyperparameters" not in tasks["Trainer_dense"]["inputs"]["artifacts"]
    assert producer("ModelSelector", "cross_validation_dense") == "CrossValidator_dense"
    assert producer("Report", "trials") == "Tuner"


def test_an_ensemble_is_a_node_after_its_members(tmp_path: Path) -> None:
    both = {"head": "ensemble", "ensemble": {"members": ["tuned", "neighbours"]}}
    spec = compiled(tmp_path, model=[both, *MODELS], tune={"trials": 3}, evaluate={"folds": 5})
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    tasks = spec["root"]["dag"]["tasks"]
    producers = {
        key: source["taskOutputArtifact"]["producerTask"]
        for key, source in tasks["Trainer_ensemble"]["inputs"]["artifacts"].items()
    }
    assert producers["member_model_tuned"] == producers["member_run_tuned"] == "Trainer_tuned"
    assert producers["member_model_neighbours"] == "Trainer_neighbours"
    assert producers["examples"] == "EmbeddingExporter"
    assert "CrossValidator_ensemble" not in tasks
    selected = tasks["ModelSelector"]["inputs"]["artifacts"]["model_ensemble"]
    assert selected["taskOutputArtifact"]["producerTask"] == "Trainer_ensemble"


def test_resources_of_nodes(spec: dict[str, Any]) -> None:
    def resources(node: str) -> dict[str, Any]:
        return spec["deploymentSpec"]["executors"][f"{node}_executor"]["container"]["resources"]

    assert resources("Transform") == {"cpuLimit": 2.0, "memoryLimit": 8.0}
    assert resources("Trainer_dense") == {
        "cpuLimit": 8.0,
        "memoryLimit": 32.0,
        "accelerator": {"type": "NVIDIA_TESLA_T4", "count": "1"},
    }
    assert resources("Trainer_neighbours") == {"memoryLimit": 64.0}


def test_retries(spec: dict[str, Any], tmp_path: Path) -> None:
    def policies(spec: dict[str, Any]) -> list[Any]:
        return [task.get("retryPolicy") for task in spec["root"]["dag"]["tasks"].values()]

    policy = {"maxRetryCount": 2, "backoffDuration": "10s", "backoffFactor": 2.0}
    assert all(found == policy for found in policies(spec))
    assert not any(policies(compiled(tmp_path, run={"retries": 0})))


def test_no_path_of_this_machine_and_no_cache_of_what_lies_outside(spec: dict[str, Any]) -> None:
    assert str(PROJECT) not in json.dumps(spec)
    assert str(Path.home()) not in json.dumps(spec)
    tasks = spec["root"]["dag"]["tasks"]
    uncached = {task for task, body in tasks.items() if not body["cachingOptions"]}
    assert uncached == {"AudioExampleGen", "NetworkImporter", "LatestPushedModel"}


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"push": {"validate_in": "docker"}}, ["push.validate_in", "process"]),
        ({"resources": {"Trainr": {"cpu": 1}}}, ["'Trainr'", "'Trainer'"]),
        (
            {
                "source": {
                    "kind": "manifest",
                    "root": "/s",
                    "tables": [{"file": "a.csv", "label_separator": ","}],
                }
            },
            ["model.task", "multi_label"],
        ),
    ],
)
def test_what_does_not_run_there(sections: dict, words: list[str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        compiled(tmp_path, **sections)
    assert all(word in str(error.value) for word in words)


def test_command_says_what_is_still_open(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("source: {root: ~/sounds}")
    output = tmp_path / "pipeline.yaml"
    words = ["compile", str(tmp_path / "job.yaml"), "--image", IMAGE, "-o", str(output)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert done.output.strip().endswith(
        "a run needs values for checkpoint, data_root, push_destination"
    )
    assert json.loads(output.read_text())["pipelineInfo"] == {"name": "vggish-tfx"}


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replay")
    write_sound_set(folder / "sounds", clips_per_class=8)
    sections = {
        "source": {"root": "~/elsewhere"},
        "split": {"seed": 2},
        "ingest": {"max_reject_fraction": 0.1},
        "features": {"checkpoint": "random", "table": True},
        "model": MODELS,
        "evaluate": {"min_score": 0.2},
    }
    (folder / "job.yaml").write_text(yaml.safe_dump(sections))
    return folder


@pytest.fixture(scope="module")
def local(job: Path) -> dict[str, Any]:
    """The summary of the same job under the local runner."""
    command = [Path(sys.executable).with_name("vggish-tfx"), "run", job / "job.yaml"]
    options = ["--data-root", job / "sounds", "--output", job / "local"]
    subprocess.run([*command, *options], check=True, capture_output=True)
    return json.loads((job / "local" / "summary.json").read_text())


@pytest.fixture(scope="module")
def replay(job: Path) -> Replay:
    spec = compile_pipeline(
        check_config_without_data(load_config(job / "job.yaml", {})), IMAGE, None
    )
    replay = Replay(
        spec,
        job / "cluster" / "pipeline",
        {
            "data_root": str(job / "sounds"),
            "push_destination": push_destination(str(job / "cluster" / "serving")),
        },
        {"PYTHONPATH": str(PROJECT)},
    )
    replay.run()
    return replay


def read_table(uri: str) -> dict[str, Any]:
    table = pq.read_table(uri).to_pandas().set_index("fname")
    return dict(zip(table.index, table.filter(like="emb_").to_numpy(), strict=True))


@pytest.mark.kubeflow
def test_compiled_commands_end_in_the_same_model(
    replay: Replay, local: dict[str, Any], job: Path
) -> None:
    report = json.loads(Path(replay.outputs["Report"]["report"]["uri"], "summary.json").read_text())
    assert report["blessed"]
    assert report["clips"] == local["clips"]
    for split, metrics in local["metrics"].items():
        for name, value in metrics.items():
            # The last digit of a float32 sum depends on which thread was first.
            np.testing.assert_allclose(report["metrics"][split][name], value, rtol=1e-5)
    (pushed,) = (job / "cluster" / "serving").iterdir()
    assert report["pushed_path"] == str(pushed)
    assert report["model"] == local["model"]
    card = json.loads((pushed / "assets.extra" / "model_card.json").read_text())
    assert card["name"] == local["model"]["name"]

    tables = [replay.outputs["EmbeddingExporter"]["table"]["uri"]]
    tables += map(str, (job / "local" / "pipeline" / "EmbeddingExporter" / "table").iterdir())
    cluster, here = map(read_table, tables)
    assert cluster.keys() == here.keys()
    for clip_id, embedding in here.items():
        np.testing.assert_allclose(cluster[clip_id], embedding, atol=1e-5, err_msg=clip_id)


@pytest.mark.kubeflow
def test_next_run_is_compared_with_the_pushed_model(replay: Replay, job: Path) -> None:
    spec = compile_pipeline(
        check_config_without_data(
            load_config(job / "job.yaml", {"model": {"head": "linear_discriminant"}})
        ),
        IMAGE,
        None,
    )
    again = Replay(spec, job / "again", replay.parameters, {"PYTHONPATH": str(PROJECT)})
    again.outputs |= {task: replay.outputs[task] for task in BEFORE_TRAINING}  # As if cached.
    again.run()
    baseline = Path(again.outputs["LatestPushedModel"]["model"]["uri"], "Format-Serving")
    (pushed, *_) = sorted((job / "cluster" / "serving").iterdir())
    assert (baseline / "fingerprint.pb").read_bytes() == (pushed / "fingerprint.pb").read_bytes()
    data = json.loads(Path(again.outputs["Report"]["report"]["uri"], "data.json").read_text())
    checks = data["summary"]["checks"]
    assert "accuracy against the last blessed model" in [check["metric"] for check in checks]
