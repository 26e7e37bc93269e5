"""A Beam job service that runs nothing: it keeps what it is asked to run."""

from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager

import grpc
from apache_beam.portability.api import beam_job_api_pb2 as api
from apache_beam.portability.api import beam_job_api_pb2_grpc as api_grpc


class JobService(api_grpc.JobServiceServicer):
    """Every job that it is given is done at once.

    Attributes:
        prepared: What it was asked to prepare, the earliest first.
        address: Where it listens, HOST:PORT.
    """

    def __init__(self) -> None:
        self.prepared: list[api.PrepareJobRequest] = []
        self.address = ""

    def DescribePipelineOptions(  # noqa: N802
        self, _request: api.DescribePipelineOptionsRequest, _context: grpc.ServicerContext
    ) -> api.DescribePipelineOptionsResponse:
        return api.DescribePipelineOptionsResponse()

    def Prepare(  # noqa: N802
        self, request: api.PrepareJobRequest, _context: grpc.ServicerContext
    ) -> api.PrepareJobResponse:
        self.prepared.append(request)
        return api.PrepareJobResponse(preparation_id="job")

    def Run(  # noqa: N802
        self, _request: api.RunJobRequest, _context: grpc.ServicerContext
    ) -> api.RunJobResponse:
        return api.RunJobResponse(job_id="job")

    def GetStateStream(  # noqa: N802
        self, _request: api.GetJobStateRequest, _context: grpc.ServicerContext
    ) -> Iterator[api.JobStateEvent]:
        yield api.JobStateEvent(state=api.JobState.DONE)

    def GetMessageStream(  # noqa: N802
        self, _request: api.JobMessagesRequest, _context: grpc.ServicerContext
    ) -> Iterator[api.JobMessagesResponse]:
        yield from ()


@contextmanager
def job_service() -> Iterator[JobService]:
    service = JobService()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    api_grpc.add_JobServiceServicer_to_server(service, server)
    service.address = f"localhost:{server.add_insecure_port('localhost:0')}"
    server.start()
    try:
        yield service
    finally:
        server.stop(grace=None)
