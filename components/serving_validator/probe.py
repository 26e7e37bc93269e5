"""Calls a SavedModel as a server does; run in a process of its own that has only TensorFlow.

    python -I probe.py MODEL FOLDER

FOLDER holds `requests.json`, a list of `{"signature", "inputs"}`. An input is a batch, as a
TensorProto in base64. The script writes `answers.json`, the outputs in the same order, and
`measured.json` to FOLDER. It times the last request.
"""

import base64
import json
import re
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

_REPETITIONS = (3, 15)
"""The least and the most calls that are timed; as many as fit into `_SECONDS` between them."""

_SECONDS = 1
_NOT_FOR_SERVERS = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}


def main(model: str, folder: Path) -> None:
    """Loads the model, answers every request, and measures."""
    begin = time.monotonic()
    signatures = tf.saved_model.load(model).signatures
    load_seconds = time.monotonic() - begin
    calls = [
        _read_call(signatures[request["signature"]], request["inputs"])
        for request in json.loads((folder / "requests.json").read_text())
    ]
    answers = [{k: _encode(v) for k, v in call(**inputs).items()} for call, inputs in calls]
    (folder / "answers.json").write_text(json.dumps(answers))
    measured = {
        "load_seconds": load_seconds,
        "latency_ms": _median_latency(*calls[-1]),
        "memory_mb": _peak_memory(),
        "foreign_operations": sorted(_foreign_operations(f"{model}/saved_model.pb")),
    }
    (folder / "measured.json").write_text(json.dumps(measured))


def _peak_memory() -> float:
    """Returns this process's peak in MiB; `getrusage` has its parent's, if that was higher."""
    (kibibytes,) = re.findall(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.M)
    return int(kibibytes) / 1024


def _read_call(signature: Any, inputs: dict[str, str]) -> tuple[Any, dict[str, tf.Tensor]]:
    types = {name: spec.dtype for name, spec in signature.structured_input_signature[1].items()}
    tensors = {name: base64.b64decode(tensor) for name, tensor in inputs.items()}
    return signature, {name: tf.io.parse_tensor(tensors[name], types[name]) for name in tensors}


def _encode(output: tf.Tensor) -> list[Any]:
    if output.dtype == tf.string:
        return [text.decode() for text in output.numpy().ravel()]
    return output.numpy().tolist()


def _median_latency(call: Any, inputs: dict[str, tf.Tensor]) -> float:
    """Returns the median latency in milliseconds of a call that was made before."""
    latencies: list[float] = []
    least, most = _REPETITIONS
    while len(latencies) < least or (len(latencies) < most and sum(latencies) < 1000 * _SECONDS):
        begin = time.monotonic()
        call(**inputs)
        latencies.append(1000 * (time.monotonic() - begin))
    return statistics.median(latencies)


def _foreign_operations(path: str) -> set[str]:
    """Finds operations that TensorFlow itself does not have, or that run Python code."""
    with tf.io.gfile.GFile(path, "rb") as file:
        saved = saved_model_pb2.SavedModel.FromString(file.read())
    used, functions = set(), set()
    for graph in (meta_graph.graph_def for meta_graph in saved.meta_graphs):
        functions |= {function.signature.name for function in graph.library.function}
        used |= {node.op for node in graph.node}
        used |= {node.op for function in graph.library.function for node in function.node_def}
    core = {name for name in dir(tf.raw_ops) if name[0].isupper()}
    return (used - functions - core) | (used & _NOT_FOR_SERVERS)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
