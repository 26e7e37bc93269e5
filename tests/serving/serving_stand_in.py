"""`ServingRules` behind sockets: what a client of TensorFlow Serving talks to."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
from serving_rules import RequestError, ServingRules
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

NAME = "sounds"


class Server:
    """A model under `NAME`; it refuses the first `busy` requests as one that has too much to do."""

    def __init__(self, model: Path, busy: int = 0):
        self.rules = ServingRules(model)
        self._busy = busy
        self.asked = 0

    def is_busy(self) -> bool:
        self.asked += 1
        return self.asked <= self._busy


@contextmanager
def rest(server: Server) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, answer = self._answer(body)
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def _answer(self, body: str) -> tuple[int, dict[str, Any]]:
            if self.path != f"/v1/models/{NAME}:predict":
                return 404, {"error": "Servable not found for request"}
            return (503, {"error": "too busy"}) if server.is_busy() else server.rules.post(body)

        def log_message(self, *_: object) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.server_port}"
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


@contextmanager
def rpc(server: Server) -> Iterator[str]:
    class Servicer(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(  # noqa: N802 The service's name.
            self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
        ) -> predict_pb2.PredictResponse:
            if request.model_spec.name != NAME:
                context.abort(grpc.StatusCode.NOT_FOUND, "Servable not found for request")
            if server.is_busy():
                context.abort(grpc.StatusCode.UNAVAILABLE, "too busy")
            try:
                return server.rules.predict(request)
            except RequestError as error:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    listener = grpc.server(ThreadPoolExecutor(4))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Servicer(), listener)
    port = listener.add_insecure_port("127.0.0.1:0")
    listener.start()
    try:
        yield f"grpc://127.0.0.1:{port}"
    finally:
        listener.stop(None).wait()
