"""A client of TensorFlow Serving, over REST or gRPC."""

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from pipeline.predict.clip_prediction import Answer, ClipModel, Refusal, answer_from
from vggish.audio.decoding import pcm16_from_samples, wav_from_pcm16
from vggish.errors import AudioError, ConfigError, VggishError

_ATTEMPTS = 4
_FIRST_PAUSE = 0.5  # Seconds; each further one is twice as long.

AskServer = Callable[[list[bytes]], dict[str, Any]]
"""From WAV files to the outputs of their batch; raises ClipRefusedError or ServerError."""


class ServerError(VggishError):
    """A server does not answer, or answers with an error."""


class ClipRefusedError(Exception):
    """The server refuses these clips, but may accept others."""


def open_connection(url: str, name: str, timeout: float) -> AskServer:
    """Connects to a model on a server.

    A request that fails because the server is busy or down is sent up to four times.

    Args:
        url: `http://host:8501`, `https://…`, `grpc://host:8500` or, encrypted, `grpcs://…`.
        name: The model's name on the server.
        timeout: The timeout per attempt, in seconds.

    Returns:
        A function that asks `serving_default`.

    Raises:
        ConfigError: The URL has none of these forms.
    """
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and parts.netloc:
        return _connect_rest(url.rstrip("/"), name, timeout)
    if parts.scheme in ("grpc", "grpcs") and parts.netloc:
        return _connect_grpc(parts.netloc, name, timeout, encrypted=parts.scheme == "grpcs")
    raise ConfigError(
        f"{url} is not a server's address; give http://host:8501 or grpc://host:8500, or "
        "https:// or grpcs:// if it is encrypted."
    )


def connect_to_server(url: str, name: str, timeout: float) -> ClipModel:
    """Makes a model that asks a server.

    Args:
        url: As for `open_connection`.
        name: As for `open_connection`.
        timeout: As for `open_connection`.

    Returns:
        The model; it raises ServerError if the server fails.

    Raises:
        ConfigError: The URL is not one of a server.
    """
    ask = open_connection(url, name, timeout)

    def answer(blocks: Iterable[np.ndarray]) -> Answer | Refusal:
        try:
            outputs = ask([wav_from_pcm16(b"".join(map(pcm16_from_samples, blocks)))])
        except AudioError as error:
            return Refusal(f"{error.reason}: {error}")
        except ClipRefusedError as error:
            return Refusal(str(error))
        return answer_from({output: batch[0] for output, batch in outputs.items()})

    # One clip per request: the server batches the requests of all its clients.
    return lambda sounds: ((name, answer(blocks)) for name, blocks in sounds)


def _connect_rest(url: str, name: str, timeout: float) -> AskServer:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    session = requests.Session()
    retries = Retry(
        _ATTEMPTS - 1,
        backoff_factor=_FIRST_PAUSE,
        status_forcelist=(429, 502, 503, 504),
        allowed_methods=("POST",),  # A prediction changes nothing, so it may be asked twice.
        raise_on_status=False,
    )
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retries))
    address = f"{url}/v1/models/{name}:predict"

    def ask(wavs: list[bytes]) -> dict[str, Any]:
        files = [{"b64": base64.b64encode(wav).decode()} for wav in wavs]
        body = {"inputs": {"audio_bytes": files}}
        try:
            response = session.post(address, json=body, timeout=timeout)
        except requests.RequestException as error:
            raise ServerError(
                f"{address} does not answer ({type(error).__name__}); check the address and "
                "whether the server is up."
            ) from error
        return _outputs_of(response, address)

    return ask


def _outputs_of(response: Any, address: str) -> dict[str, Any]:
    """Reads TensorFlow Serving's JSON: `outputs`, or `error`."""
    try:
        answer = response.json()
    except ValueError as error:
        raise ServerError(
            f"{address} answers {response.status_code} without JSON; is it TensorFlow Serving?"
        ) from error
    if response.status_code == 400:
        raise ClipRefusedError(answer.get("error", response.reason))
    if response.status_code != 200:
        reason = answer.get("error", response.reason)
        raise ServerError(f"{address} answers {response.status_code}: {reason}")
    outputs: dict[str, Any] = answer["outputs"]
    return outputs


def _connect_grpc(address: str, name: str, timeout: float, *, encrypted: bool) -> AskServer:
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    policy = {
        "maxAttempts": _ATTEMPTS,
        "initialBackoff": f"{_FIRST_PAUSE}s",
        "maxBackoff": "10s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
    }
    service = {"methodConfig": [{"name": [{}], "retryPolicy": policy}]}
    options = [("grpc.service_config", json.dumps(service))]
    if encrypted:
        channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(), options)
    else:
        channel = grpc.insecure_channel(address, options)
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

    def ask(wavs: list[bytes]) -> dict[str, Any]:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = name
        request.model_spec.signature_name = "serving_default"
        request.inputs["audio_bytes"].CopyFrom(tf.make_tensor_proto(wavs))
        try:
            response = stub.Predict(request, timeout=timeout)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
                raise ClipRefusedError(error.details()) from error
            raise ServerError(
                f"{address} answers {error.code().name}: {error.details()}"
            ) from error
        return {key: tf.make_ndarray(value).tolist() for key, value in response.outputs.items()}

    return ask
