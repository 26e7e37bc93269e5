"""TensorFlow Serving's documented rules for requests, applied in this process.

The model is loaded into a session and run by the names of its signature, as the server does. The
rules of JSON are those of "RESTful API" in TensorFlow Serving's documentation; where it leaves
something open, of its `json_tensor.cc`.
"""

import base64
import binascii
import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse


class RequestError(Exception):
    """The server's answer is an error status."""


class ServingRules:
    """Stands for a server with one model.

    Args:
        model: The SavedModel's folder.
    """

    def __init__(self, model: Path):
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        with self._session.graph.as_default():
            loaded = tf.compat.v1.saved_model.load(self._session, ["serve"], str(model))
        self._signatures = loaded.signature_def

    def close(self) -> None:
        self._session.close()

    def post(self, body: str) -> tuple[int, dict[str, Any]]:
        """Answers `POST …:predict`: the HTTP status and the JSON object."""
        try:
            request, is_row = self._request_from_json(body)
            outputs = dict(self.predict(request).outputs)
            answer = _rows(outputs) if is_row else _columns(outputs)
        except RequestError as error:
            return 400, {"error": str(error)}
        return 200, json.loads(json.dumps(answer))

    def predict(self, request: PredictRequest) -> PredictResponse:
        """Answers `PredictionService.Predict`."""
        signature = self._signature(request.model_spec.signature_name)
        if set(request.inputs) != set(signature.inputs):
            raise RequestError(f"input size does not match signature: {sorted(request.inputs)}")
        feeds = {
            signature.inputs[name].name: tf.make_ndarray(proto)
            for name, proto in request.inputs.items()
        }
        names = list(request.output_filter) or sorted(signature.outputs)
        fetches = [signature.outputs[name].name for name in names]
        try:
            found = self._session.run(fetches, feeds)
        except (tf.errors.InvalidArgumentError, ValueError) as error:  # ValueError: of its shape.
            raise RequestError(str(error)) from error
        outputs = {
            name: tf.make_tensor_proto(value) for name, value in zip(names, found, strict=True)
        }
        return PredictResponse(outputs=outputs)

    def _signature(self, name: str) -> Any:
        name = name or "serving_default"
        if name not in self._signatures:
            raise RequestError(f'Serving signature key "{name}" not found.')
        return self._signatures[name]

    def _request_from_json(self, body: str) -> tuple[PredictRequest, bool]:
        try:
            document = json.loads(body)
        except json.JSONDecodeError as error:
            raise RequestError(f"JSON Parse error: {error}") from error
        if not isinstance(document, dict):
            raise RequestError("JSON Value: Is not object")
        name = document.get("signature_name", "")
        if not isinstance(name, str):
            raise RequestError("'signature_name' key must be a string value.")
        if ("instances" in document) == ("inputs" in document):
            raise RequestError("expecting one of 'inputs' or 'instances'")
        signature = self._signature(name)
        types = {key: info.dtype for key, info in signature.inputs.items()}
        is_row = "instances" in document
        fields = (
            _inputs_from_instances(document["instances"], types)
            if is_row
            else _inputs_from_columns(document["inputs"], types)
        )
        request = PredictRequest(
            inputs={key: _tensor(value, types[key]) for key, value in fields.items()}
        )
        request.model_spec.signature_name = name
        return request, is_row


def _is_base64(value: Any) -> bool:
    return isinstance(value, dict) and list(value) == ["b64"] and isinstance(value["b64"], str)


def _inputs_from_instances(instances: Any, types: dict[str, int]) -> dict[str, list[Any]]:
    if not isinstance(instances, list) or not instances:
        raise RequestError("'instances' must be a list with values")
    named = [isinstance(one, dict) and not _is_base64(one) for one in instances]
    if any(named) != all(named):
        raise RequestError("Expecting object but got list, or a list but got an object")
    if not named[0]:
        if len(types) > 1:
            raise RequestError("instances is a plain list, but there are several inputs")
        return {next(iter(types)): instances}
    for one in instances:
        if set(one) != set(types):
            raise RequestError(f"keys must be equal to: {','.join(types)}")
    return {key: [one[key] for one in instances] for key in types}


def _inputs_from_columns(inputs: Any, types: dict[str, int]) -> dict[str, Any]:
    if not isinstance(inputs, dict) or _is_base64(inputs):
        if len(types) > 1:
            raise RequestError("inputs is a plain value/list, but there are several inputs")
        return {next(iter(types)): inputs}
    missing = set(types) - set(inputs)
    if missing:
        raise RequestError(f"Missing named input: {missing} in 'inputs' object.")
    return {key: inputs[key] for key in types}


def _tensor(value: Any, dtype: int) -> TensorProto:
    shape: list[int] = []
    level = value
    while isinstance(level, list):
        shape.append(len(level))
        level = level[0] if level else None
    convert = _bytes if dtype == tf.string.as_datatype_enum else _number
    values = np.array([convert(leaf) for leaf in _leaves(value, shape)], object)
    kind = tf.as_dtype(dtype)
    return tf.make_tensor_proto(values.reshape(shape).astype(kind.as_numpy_dtype), kind)


def _leaves(value: Any, shape: list[int]) -> list[Any]:
    if not shape:
        if isinstance(value, list):
            raise RequestError("Encountered list at unexpected level")
        return [value]
    if not isinstance(value, list) or len(value) != shape[0]:
        raise RequestError(f"Expecting tensor size: {shape[0]}")
    return [leaf for one in value for leaf in _leaves(one, shape[1:])]


def _bytes(leaf: Any) -> bytes:
    if isinstance(leaf, str):
        return leaf.encode()
    if not _is_base64(leaf):
        raise RequestError(f"JSON Value: {leaf} is not of expected type: string")
    try:
        return base64.b64decode(leaf["b64"], validate=True)
    except binascii.Error as error:
        raise RequestError("Unable to base64 decode") from error


def _number(leaf: Any) -> float:
    if isinstance(leaf, bool) or not isinstance(leaf, int | float):
        raise RequestError(f"JSON Value: {leaf} is not of expected type: float")
    return leaf


def _rows(outputs: dict[str, Any]) -> dict[str, Any]:
    columns = {name: _json(name, proto) for name, proto in outputs.items()}
    sizes = {len(column) for column in columns.values()}
    if len(sizes) != 1:
        raise RequestError(f"inconsistent batch size: {sizes}")
    if len(columns) == 1:
        return {"predictions": next(iter(columns.values()))}
    rows = zip(*columns.values(), strict=True)
    return {"predictions": [dict(zip(columns, row, strict=True)) for row in rows]}


def _columns(outputs: dict[str, Any]) -> dict[str, Any]:
    columns = {name: _json(name, proto) for name, proto in outputs.items()}
    return {"outputs": columns if len(columns) > 1 else next(iter(columns.values()))}


def _json(name: str, proto: TensorProto) -> Any:
    def text(value: Any) -> Any:
        if isinstance(value, list):
            return [text(one) for one in value]
        if name.endswith("_bytes"):
            return {"b64": base64.b64encode(value).decode()}
        return value.decode()

    values = tf.make_ndarray(proto)
    return text(values.tolist()) if proto.dtype == tf.string.as_datatype_enum else values.tolist()
