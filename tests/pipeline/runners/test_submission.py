"""Starting a compiled pipeline: what the services are sent, and what is said when they refuse."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import google.auth
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform
from typer.testing import CliRunner

from pipeline.cli.main import app
from pipeline.runners.submission import SubmissionError, submit_to_kubeflow, submit_to_vertex
from vggish.errors import ConfigError

IMAGE = "project/vggish-tfx:1"


class KubeflowApi(ThreadingHTTPServer):
    """Answers as the API of Kubeflow Pipelines 2 does where kfp's client asks."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.runs: list[dict[str, Any]] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: KubeflowApi

    def do_GET(self) -> None:
        if self.path.startswith("/apis/v2beta1/healthz"):
            self._answer({"multi_user": False}, 200)
        else:
            self._answer({"experiments": []}, self.server.status)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.startswith("/apis/v2beta1/experiments"):
            self._answer(
                {"experiment_id": "e1", "display_name": body["display_name"]}, self.server.status
            )
        elif self.path.startswith("/apis/v2beta1/runs"):
            self.server.runs.append(body | {"sent": self.headers.get("authorization")})
            self._answer({"run_id": "r1"}, self.server.status)

    def _answer(self, body: dict[str, Any], status: int) -> None:
        data = json.dumps(body if status == 200 else {"error": "no"}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[KubeflowApi]:
    with KubeflowApi() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("job") / "sounds.yaml"
    file.write_text("source: {root: gs://bucket/sounds}\nfeatures: {checkpoint: random}")
    return file


@pytest.fixture(scope="module")
def spec(job: Path) -> Path:
    file = job.with_name("pipeline.yaml")
    words = ["compile", str(job), "--image", IMAGE, "--root", "gs://bucket/out", "-o", str(file)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    return file


def submit(job: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Gives the command in a process of its own, which has no credentials but those named."""
    command = [Path(sys.executable).with_name("vggish-tfx"), "submit", job, "--image", IMAGE]
    return subprocess.run(
        [*command, "--root", "gs://bucket/out", *options],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"NO_GCE_CHECK": "true", "HOME": str(job.parent)} | environment,
    )


def test_command_starts_a_run_on_a_kubeflow_server(job: Path, spec: Path, api: KubeflowApi) -> None:
    done = submit(job, "--host", api.url, KFP_TOKEN="secret")  # noqa: S106
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"Started: {api.url}/#/runs/details/r1\n"
    (run,) = api.runs
    assert run["display_name"] == "sounds"
    assert run["experiment_id"] == "e1"
    assert run["sent"] == "Bearer secret"
    assert run["pipeline_spec"] == json.loads(spec.read_text())


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [(401, 2, ["denies access", "KFP_TOKEN"]), (500, 2, ["did not accept"])],
)
def test_kubeflow_server_refuses(
    status: int, code: int, words: list[str], job: Path, api: KubeflowApi
) -> None:
    api.status = status
    done = submit(job, "--host", api.url)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert all(word in done.stderr for word in (api.url, *words))
    assert api.runs == []


def test_no_kubeflow_server(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(SubmissionError, match=r"http://127.0.0.1:9 does not answer as a Kubeflow"):
        submit_to_kubeflow(spec, host="http://127.0.0.1:9", name="sounds")


@pytest.mark.parametrize(
    "host", ["http://kubeflow.example", "http://127.0.0.1.example", "kubeflow"]
)
def test_token_stays_here_without_encryption(
    host: str, spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KFP_TOKEN", "secret")
    with pytest.raises(ConfigError, match=rf"would be sent to {host} without encryption"):
        submit_to_kubeflow(spec, host=host, name="sounds")


def test_no_google_credentials(job: Path) -> None:
    done = submit(job, "--project", "project", "--region", "europe-west4")
    assert (done.returncode, done.stdout) == (2, "")
    assert "gcloud auth application-default login" in done.stderr
    assert done.stderr.count("\n") == 1


def test_vertex_takes_the_spec(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vertex AI itself is out of reach: the job that its client builds is looked at instead."""
    jobs = []
    monkeypatch.setattr(google.auth, "default", lambda **_: (AnonymousCredentials(), "project"))
    monkeypatch.setattr(aiplatform.PipelineJob, "submit", lambda job: jobs.append(job))  # noqa: PLW0108
    monkeypatch.setattr(aiplatform.PipelineJob, "_dashboard_uri", lambda _: "https://page")
    page = submit_to_vertex(spec, project="project", region="europe-west4", name="sounds")
    assert page == "https://page"
    (job,) = jobs
    assert (job.project, job.location) == ("project", "europe-west4")
    assert job._gca_resource.display_name == "sounds"
    assert job._gca_resource.runtime_config.gcs_output_directory == "gs://bucket/out/pipeline"
    sent = type(job._gca_resource).to_dict(job._gca_resource)["pipeline_spec"]
    assert sent == json.loads(spec.read_text())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], ["--host", "--project"]),
        (["--project", "p"], ["--region"]),
        (["--host", "http://h", "--set", "source.root=~/sounds"], ["--data-root"]),
    ],
)
def test_command_without_what_it_needs(options: list[str], words: list[str], job: Path) -> None:
    command = ["submit", str(job), "--image", IMAGE, "--root", "gs://bucket/out", *options]
    done = CliRunner().invoke(app, command)
    assert isinstance(done.exception, ConfigError)
    assert all(word in str(done.exception) for word in words)
