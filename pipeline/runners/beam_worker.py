"""Starts a Beam Python worker without a container, as `boot` does in Beam's images.

A Flink TaskManager or a Spark executor runs it as the command of `worker: {kind: process}`, with
the address of the provision service. It fetches no staged files, since vggish-tfx is installed on
the machine.
"""

import argparse
import os
import sys

import grpc
from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc
from apache_beam.runners.worker import sdk_worker_main
from apache_beam.runners.worker.worker_id_interceptor import WorkerIdInterceptor
from google.protobuf import json_format, text_format

_SECONDS_TO_ANSWER = 60


def main(arguments: list[str]) -> None:
    """Serves one job until its runner disconnects.

    Args:
        arguments: `--id` and `--provision_endpoint`; others are ignored.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--id", required=True)
    parser.add_argument("--provision_endpoint", required=True, metavar="HOST:PORT")
    given, _ = parser.parse_known_args(arguments)
    os.environ |= _environment(given.id, given.provision_endpoint)
    sdk_worker_main.main([])


def _environment(worker_id: str, endpoint: str) -> dict[str, str]:
    """Asks the runner for the variables that `sdk_worker_main` needs in the environment."""
    with grpc.insecure_channel(endpoint) as channel:
        asking = grpc.intercept_channel(channel, WorkerIdInterceptor(worker_id))
        info = (
            beam_provision_api_pb2_grpc.ProvisionServiceStub(asking)
            .GetProvisionInfo(
                beam_provision_api_pb2.GetProvisionInfoRequest(),
                timeout=_SECONDS_TO_ANSWER,
                wait_for_ready=True,
            )
            .info
        )
    return {
        "WORKER_ID": worker_id,
        "PIPELINE_OPTIONS": json_format.MessageToJson(info.pipeline_options),
        "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(info.control_endpoint),
        "LOGGING_API_SERVICE_DESCRIPTOR": text_format.MessageToString(info.logging_endpoint),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
