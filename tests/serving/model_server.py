"""A real TensorFlow Serving process with one model."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import grpc
from serving_rules import RequestError
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

BINARY = shutil.which("tensorflow_model_server")

_NAME = "sounds"
_SECONDS_TO_LOAD = 120


class ModelServer:
    """Answers as `ServingRules` does.

    Args:
        model: The SavedModel's version folder.
    """

    def __init__(self, model: Path):
        rest_port, grpc_port = _free_port(), _free_port()
        self._url = f"http://localhost:{rest_port}/v1/models/{_NAME}"
        self._process = subprocess.Popen(
            [
                str(BINARY),
                f"--port={grpc_port}",
                f"--rest_api_port={rest_port}",
                f"--model_name={_NAME}",
                f"--model_base_path={model.parent}",
            ]
        )
        self._stub = PredictionServiceStub(grpc.insecure_channel(f"localhost:{grpc_port}"))
        self._wait()

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()

    def post(self, body: str) -> tuple[int, dict[str, Any]]:
        try:
            with urllib.request.urlopen(f"{self._url}:predict", body.encode()) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def predict(self, request: PredictRequest) -> PredictResponse:
        named = PredictRequest()
        named.CopyFrom(request)
        named.model_spec.name = _NAME
        try:
            return self._stub.Predict(named)
        except grpc.RpcError as error:
            raise RequestError(error.details()) from error

    def available_versions(self) -> set[str]:
        with urllib.request.urlopen(self._url) as answer:  # noqa: S310
            statuses = json.load(answer)["model_version_status"]
        return {status["version"] for status in statuses if status["state"] == "AVAILABLE"}

    def _wait(self) -> None:
        end = time.monotonic() + _SECONDS_TO_LOAD
        while time.monotonic() < end and self._process.poll() is None:
            try:
                with urllib.request.urlopen(self._url) as answer:  # noqa: S310
                    if b'"AVAILABLE"' in answer.read():
                        return
            except (urllib.error.URLError, ConnectionError):
                pass
            time.sleep(0.2)
        self.close()
        raise TimeoutError(f"tensorflow_model_server did not load the model: {self._url}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]
