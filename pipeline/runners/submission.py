"""Starts a compiled pipeline on Vertex AI or on a Kubeflow Pipelines server."""

import os
import warnings
from pathlib import Path
from urllib.parse import urlsplit

from vggish.errors import ConfigError, VggishError

TOKEN_VARIABLE = "KFP_TOKEN"  # noqa: S105
"""The environment variable of the bearer token for a Kubeflow server."""


_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class SubmissionError(VggishError):
    """A service did not accept the pipeline."""


def submit_to_vertex(spec: Path, *, project: str, region: str, name: str) -> str:
    """Starts a run on Vertex AI.

    Args:
        spec: The compiled pipeline, with defaults for all parameters.
        project: The Google Cloud project.
        region: The Vertex AI region, such as `europe-west4`.
        name: The name of the run.

    Returns:
        The address of the run's page.

    Raises:
        ConfigError: Credentials are missing.
        SubmissionError: Vertex AI refuses, or cannot be reached.
    """
    with warnings.catch_warnings(action="ignore"):
        from google.api_core.exceptions import GoogleAPICallError, RetryError
        from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
        from google.cloud import aiplatform
    try:
        job = aiplatform.PipelineJob(
            display_name=name, template_path=str(spec), project=project, location=region
        )
        job.submit()
    except DefaultCredentialsError as error:
        raise ConfigError(
            "Google Cloud credentials are missing; run `gcloud auth application-default login`, "
            "or name a service account's key file in GOOGLE_APPLICATION_CREDENTIALS."
        ) from error
    except (GoogleAPICallError, GoogleAuthError, RetryError) as error:
        raise SubmissionError(
            f"Vertex AI did not accept the pipeline in project {project}, region {region}: "
            f"{_first_line(error)}"
        ) from error
    return job._dashboard_uri()


def submit_to_kubeflow(spec: Path, *, host: str, name: str) -> str:
    """Starts a run on a Kubeflow Pipelines 2 server.

    Args:
        spec: The compiled pipeline, with defaults for all parameters.
        host: The server's address, `http://…` or `https://…`.
        name: The name of the run.

    Returns:
        The address of the run's page.

    Raises:
        ConfigError: The server requires credentials, or other ones, or they would be sent without
            encryption.
        SubmissionError: The server refuses, or cannot be reached.
    """
    token = os.environ.get(TOKEN_VARIABLE)
    address = urlsplit(host)
    if token and address.scheme != "https" and address.hostname not in _LOOPBACK:
        raise ConfigError(
            f"The token in {TOKEN_VARIABLE} would be sent to {host} without encryption; give an "
            "https:// address, or unset the variable."
        )
    import kfp_server_api
    from kfp.client import Client
    from urllib3.exceptions import HTTPError

    try:
        with warnings.catch_warnings(action="ignore"):
            client = Client(host=host, existing_token=token)
        experiment = client.create_experiment("vggish-tfx").experiment_id
        run = client.run_pipeline(experiment, name, str(spec))
    except kfp_server_api.ApiException as error:
        if error.status in (401, 403):
            raise ConfigError(
                f"The Kubeflow server {host} denies access ({error.status}); put a valid "
                f"token into the environment variable {TOKEN_VARIABLE}."
            ) from error
        raise SubmissionError(
            f"The Kubeflow server {host} did not accept the pipeline: {_first_line(error)}"
        ) from error
    except (HTTPError, TimeoutError) as error:
        raise SubmissionError(
            f"{host} does not answer as a Kubeflow server; check the address, and the token in "
            f"{TOKEN_VARIABLE} if the server requires one."
        ) from error
    return f"{host.rstrip('/')}/#/runs/details/{run.run_id}"


def _first_line(error: Exception) -> str:
    body = getattr(error, "body", None)
    return str(body or error).strip().splitlines()[0]
