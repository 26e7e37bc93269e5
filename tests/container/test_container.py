"""The image's locks and Dockerfile; and, without an engine, the file tree that it makes at work."""

import json
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import dockerfile_build
import pytest
from dockerfile_build import Stage, can_build, context_files, instructions

from pipeline.demo.sound_synthesizer import write_sound_set

PROJECT = Path(__file__).resolve().parents[2]
CONTAINER = PROJECT / "deploy" / "container"
SITE_PACKAGES = "/opt/venv/lib/python3.13/site-packages"
BOOT = """#!/bin/sh
echo "boot $*"
"""


def locked(path: Path) -> set[tuple[str, str]]:
    """Packages and versions of a lock, which may have several by Python's version."""
    return set(re.findall(r"^([a-z0-9-]+)==(\S+)", path.read_text(), re.MULTILINE))


@pytest.mark.parametrize("variant", ["cpu", "gpu"])
def test_locks_of_the_image_follow_the_project_s(variant: str) -> None:
    image, project = locked(CONTAINER / f"{variant}.lock"), locked(PROJECT / "requirements.lock")
    own = {line for line in image if line[0] == "tensorflow-cpu" or line[0].startswith("nvidia-")}
    assert image - own <= project
    names = {name for name, _ in image}
    assert "pytest" not in names
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dependencies"]
    absent = {re.split(r"[^a-z0-9-]", line)[0] for line in declared} - names
    assert absent == ({"tensorflow"} if variant == "cpu" else set())
    tensorflow = "tensorflow-cpu" if variant == "cpu" else "tensorflow"
    assert dict(image)[tensorflow] == dict(project)["tensorflow"]
    assert "://" not in (CONTAINER / f"{variant}.lock").read_text()


def test_dockerfile_passes_its_linter() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint is not installed; make setup installs it")
    done = subprocess.run(
        [hadolint, "Dockerfile"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_versions_are_those_of_the_project() -> None:
    dockerfile, setup = (PROJECT / name for name in ("Dockerfile", "setup.sh"))
    (uv,) = re.findall(r"uv==([\d.]+)", dockerfile.read_text())
    assert f"UV_VERSION={uv}\n" in setup.read_text()
    versions = dict(locked(PROJECT / "requirements.lock"))
    assert f"apache/beam_python3.13_sdk:{versions['apache-beam']}" in dockerfile.read_text()


def test_image_gets_the_project_and_nothing_else() -> None:
    files = context_files(PROJECT)
    assert {"vggish/params.py", "schema/schema.pbtxt", "configs/demo.yaml"} <= set(files)
    top = {name.split("/")[0] for name in files}
    assert not top & {"tests", "benchmarks", "docs", ".git", ".venv", "runs"}
    assert not [name for name in files if name.endswith(".pyc")]


def test_last_stage_installs_nothing_and_is_nobody_s_root() -> None:
    words = instructions((PROJECT / "Dockerfile").read_text())
    last = max(place for place, (word, _) in enumerate(words) if word == "FROM")
    stage = words[last:]
    assert not [rest for _, rest in stage if re.search(r"\b(apt-get|pip|uv)\b", rest)]
    assert [rest for word, rest in stage if word == "USER"] == ["1000"]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The tree of the CPU image, as the Dockerfile makes it; skips where it cannot be made."""
    if not can_build(tmp_path_factory.getbasetemp()):
        pytest.skip("building the tree takes root, for chroot and mounts")
    if sys.version_info[:2] != (3, 13):
        pytest.skip("the tree is built on this machine's Python, which must be the image's, 3.13")
    scratch = tmp_path_factory.mktemp("image")
    scratch.chmod(0o755)
    for parent in list(scratch.parents)[:2]:  # pytest's folders are their owner's alone.
        parent.chmod(0o755)
    boot = scratch / "sdk/opt/apache/beam/boot"
    boot.parent.mkdir(parents=True)
    boot.write_text(BOOT)
    boot.chmod(0o755)
    sdk = {"apache/beam_python3.13_sdk:2.77.0": scratch / "sdk"}
    yield dockerfile_build.build(PROJECT, scratch / "build", sdk, {})


def start(image: Stage, *arguments: str) -> str:
    """Does what `docker run IMAGE …` does; returns what it prints."""
    begin = time.monotonic()
    done = image.run([*image.entrypoint, *arguments])
    print(f"{time.monotonic() - begin:.0f} s", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.container
def test_runs_a_pipeline_of_several_heads_to_a_pushed_model(image: Stage) -> None:
    write_sound_set(image.path("/work/sounds"), clips_per_class=12)
    heads = ("dense", "random_forest", "warm_start", "xgboost")
    job = {
        "source": {"root": "sounds"},
        "features": {"checkpoint": "random"},
        "ingest": {"max_reject_fraction": 0.1},
        "evaluate": {"min_score": 0.3},
        "train": {"epochs": 1},
        "model": [{"head": head} for head in heads],
    }
    image.path("/work/job.yaml").write_text(json.dumps(job))
    screen = start(image, "run", "job.yaml", "--output=out")
    summary = json.loads(image.path("/work/out/summary.json").read_text())
    assert summary["pushed_path"], screen
    assert summary["versions"]["tensorflow"].startswith("2.21.")
    assert sorted(model["name"] for model in summary["models"]) == list(heads)
    curves = image.path("/work/out").rglob("events.out.tfevents.*")
    assert {file.parent.name for file in curves} == {"train", "eval"}
    answers = start(image, "predict", summary["pushed_path"], "sounds/siren")
    assert len(answers.splitlines()) == 12
    assert json.loads(answers.splitlines()[0])["label"]
    start(image, "embed", "sounds/siren", "--checkpoint=random", "-o", "siren.parquet")
    assert image.path("/work/siren.parquet").stat().st_size > 1000


@pytest.mark.container
def test_kubeflow_and_beam_start_their_parts_in_it(image: Stage) -> None:
    executor = "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"
    done = image.run(["python", "-m", executor, "--helpfull"])
    assert "--executor_class_path" in done.stdout + done.stderr, done.stderr
    modules = (
        "apache_beam.runners.worker.sdk_worker_main",
        "apache_beam.runners.worker.worker_pool_main",
        "apache_beam.runners.dataflow.dataflow_runner",
        "apache_beam.runners.portability.flink_runner",
        "apache_beam.runners.portability.spark_runner",
        "apache_beam.io.gcp.gcsfilesystem",
        "google.cloud.aiplatform",
        "kfp",
        "pipeline.runners.kubeflow_spec",
        "vggish.hear",
    )
    done = image.run(["python", "-c", f"import {', '.join(modules)}"])
    assert done.returncode == 0, done.stderr
    assert start(image, "--id=1", "--logging_endpoint=x") == "boot --id=1 --logging_endpoint=x\n"
    assert "predict" in start(image, "--help")


@pytest.mark.container
def test_user_owns_nothing_but_the_work_folder(image: Stage) -> None:
    assert image.run(["id", "-u"]).stdout == "1000\n"
    assert image.run(["touch", "/opt/venv/mine"]).returncode != 0
    assert not image.path("/root/.cache").exists()
    for absent in ("pytest", "mypy", "notebook", "pip", "tensorflow/include"):
        assert not image.path(f"{SITE_PACKAGES}/{absent}").exists(), absent
