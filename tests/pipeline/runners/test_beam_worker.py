"""A Beam worker without a container asks its runner for everything."""

import json
import os
from collections.abc import Iterator
from concurrent import futures

import grpc
import pytest
from apache_beam.portability.api import beam_provision_api_pb2 as api
from apache_beam.portability.api import beam_provision_api_pb2_grpc as api_grpc
from apache_beam.portability.api import endpoints_pb2
from apache_beam.runners.worker import sdk_worker_main
from google.protobuf import text_format

from pipeline.runners import beam_worker


class Runner(api_grpc.ProvisionServiceServicer):
    """Tells a worker where its job is."""

    asked_by: str | None = None

    def GetProvisionInfo(  # noqa: N802
        self, _request: api.GetProvisionInfoRequest, context: grpc.ServicerContext
    ) -> api.GetProvisionInfoResponse:
        self.asked_by = dict(context.invocation_metadata())["worker_id"]
        info = api.ProvisionInfo(
            control_endpoint=endpoints_pb2.ApiServiceDescriptor(url="localhost:1"),
            logging_endpoint=endpoints_pb2.ApiServiceDescriptor(url="localhost:2"),
        )
        info.pipeline_options["beam:option:pickle_library:v1"] = "dill"
        return api.GetProvisionInfoResponse(info=info)


@pytest.fixture
def runner() -> Iterator[tuple[Runner, str]]:
    service = Runner()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    api_grpc.add_ProvisionServiceServicer_to_server(service, server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    yield service, f"localhost:{port}"
    server.stop(grace=None)


def test_worker_learns_its_job_from_the_runner(
    runner: tuple[Runner, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    service, address = runner
    found = {}
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(sdk_worker_main, "main", lambda _: found.update(os.environ))
    beam_worker.main(["--id=1-1", f"--provision_endpoint={address}", "--unknown=x"])

    assert service.asked_by == found["WORKER_ID"] == "1-1"
    assert json.loads(found["PIPELINE_OPTIONS"]) == {"beam:option:pickle_library:v1": "dill"}
    for name, url in (("CONTROL", "localhost:1"), ("LOGGING", "localhost:2")):
        endpoint = endpoints_pb2.ApiServiceDescriptor()
        text_format.Parse(found[f"{name}_API_SERVICE_DESCRIPTOR"], endpoint)
        assert endpoint.url == url
