"""The files that run TensorFlow Serving agree with each other and with the pipeline."""

from pathlib import Path
from typing import Any

import yaml

from pipeline.create_pipeline import SERVING_VERSION

PROJECT = Path(__file__).resolve().parents[3]
KUBERNETES = PROJECT / "deploy" / "kubernetes"
IMAGE = f"tensorflow/serving:{SERVING_VERSION}"


def read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())


def container() -> dict[str, Any]:
    (one,) = read(KUBERNETES / "deployment.yaml")["spec"]["template"]["spec"]["containers"]
    return one


def test_one_version_of_one_server() -> None:
    serving = read(PROJECT / "docker-compose.yaml")["services"]["serving"]
    assert serving["image"] == container()["image"] == IMAGE
    assert serving["command"] == container()["args"]
    assert serving["environment"]["MODEL_NAME"] == container()["env"][0]["value"]


def test_every_file_that_is_named_is_there() -> None:
    kustomization = read(KUBERNETES / "kustomization.yaml")
    configs = kustomization["configMapGenerator"][0]["files"]
    for name in [*kustomization["resources"], *configs]:
        assert (KUBERNETES / name).is_file()
    mounted = {Path(name).name for name in configs}
    named = {arg.rsplit("/", 1)[1] for arg in container()["args"] if "=/config/" in arg}
    assert named == mounted
    volumes = read(PROJECT / "docker-compose.yaml")["services"]["serving"]["volumes"]
    assert "./deploy/kubernetes/config:/config:ro" in volumes


def test_requests_find_the_server() -> None:
    ports = {port["name"]: port["containerPort"] for port in container()["ports"]}
    assert ports == {"grpc": 8500, "rest": 8501}
    service = read(KUBERNETES / "service.yaml")["spec"]
    assert {port["targetPort"]: port["port"] for port in service["ports"]} == ports
    template = read(KUBERNETES / "deployment.yaml")["spec"]["template"]
    assert service["selector"] == template["metadata"]["labels"]
