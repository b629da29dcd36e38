"""Stand-ins for TF Serving, which is not here: they speak its protocols, answer from a table, and fail on purpose.

They show that the client keeps to the protocols as they are written down. That TF Serving does, they cannot show.
"""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from nmt.signatures import SIGNATURES

NAME, VERSION, EOS = "ko-en", 3, "</s>"
LIMIT = 30
NOT_FOUND = -3.4028234663852886e38

Outputs = dict[str, Any]


def english(text: str) -> str:
    """What the table has for a text: another one, of as many words, from which the text can be told."""
    return " ".join(word.upper() for word in text.split())


def answer(signature: str, inputs: dict[str, list[str]], n_best: int = 2) -> Outputs:
    """Answer as an export does: rows are filled up to the longest, and the source has its end."""
    if signature == "serving_default":
        return {
            "translation": [english(text) for text in inputs["text"]],
            "score": [-0.5 for _ in inputs["text"]],
            "source_truncated": [len(text.split()) > LIMIT for text in inputs["text"]],
            "unfinished": [text.endswith("…") for text in inputs["text"]],
        }
    if signature == "translate":
        sources = [[*text.split(), EOS] for text in inputs["text"]]
        targets = [english(text).split() for text in inputs["text"]]
        read, written = max(map(len, sources)), max(map(len, targets))
        rows = [
            [[float(i == j) if i < len(t) and j < len(s) else 0.0 for j in range(read)] for i in range(written)]
            for s, t in zip(sources, targets, strict=True)
        ]
        return {
            # The last of the n best was not found.
            "translations": [[english(text), "second", ""][: n_best + 1] for text in inputs["text"]],
            "scores": [[-0.5, -2.25, NOT_FOUND][: n_best + 1] for _ in inputs["text"]],
            "source_tokens": [s + [""] * (read - len(s)) for s in sources],
            "target_tokens": [t + [""] * (written - len(t)) for t in targets],
            "alignment": rows,
            "source_truncated": [len(text.split()) > LIMIT for text in inputs["text"]],
            "unfinished": [[text.endswith("…"), False, False][: n_best + 1] for text in inputs["text"]],
        }
    tokens = [[*text.split(), EOS] for text in inputs["target"]]
    most = max(map(len, tokens))
    return {
        "log_probability": [-float(len(t)) for t in tokens],
        "tokens": [t + [""] * (most - len(t)) for t in tokens],
        "token_scores": [[-1.0] * len(t) + [0.0] * (most - len(t)) for t in tokens],
    }


# The REST stand-in.

Fault = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "RestStandIn"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._handle(b"")

    def do_POST(self) -> None:
        self._handle(self.rfile.read(int(self.headers["Content-Length"])))

    def _handle(self, body: bytes) -> None:
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        if self.server.faults:
            self.server.faults.pop(0)(self)
            return
        self.answer(body)

    def answer(self, body: bytes) -> None:
        model = f"/v1/models/{NAME}"
        if self.path in (f"{model}:predict", f"{model}/versions/{VERSION}:predict"):
            request = json.loads(body)
            signature = request.get("signature_name", "serving_default")
            if signature not in SIGNATURES or signature in self.server.lacks:
                self.send(400, {"error": f'Serving signature name: "{signature}" not found in signature def'})
                return
            self.send(200, {"outputs": answer(signature, request["inputs"])})
        elif self.path in (model, f"{model}/versions/{VERSION}"):
            state = {"version": str(VERSION), "state": self.server.state, "status": {"error_code": "OK"}}
            self.send(200, {"model_version_status": [state]})
        elif self.path in (f"{model}/metadata", f"{model}/versions/{VERSION}/metadata"):
            self.send(200, metadata(self.server.lacks))
        else:
            self.send(404, {"error": "Servable not found for request: Latest(other)"})

    def send(self, status: int, document: object, **headers: str) -> None:
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"Content_Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)


class RestStandIn(ThreadingHTTPServer):
    """Answers REST from the table. What is in ``faults`` is done to the next requests, one each."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int = 0, certificate: tuple[Path, Path] | None = None, guests: Path | None = None) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.faults: list[Fault] = []
        self.state = "AVAILABLE"
        self.lacks: tuple[str, ...] = ()  # signatures
        self.connections = 0
        scheme = "http"
        if certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*certificate)
            if guests:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(guests)
            self.socket = context.wrap_socket(self.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://localhost:{self.server_port}/v1/models/{NAME}"

    def get_request(self) -> Any:
        found = super().get_request()
        self.connections += 1
        return found

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # who is cut off on purpose complains

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for method, _, _, body in self.seen if method == "POST"]


@contextmanager
def rest(**how: Any) -> Iterator[RestStandIn]:
    server = RestStandIn(**how)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def status(code: int, message: str = "on purpose", **headers: str) -> Fault:
    return lambda handler: handler.send(code, {"error": message}, **headers)


def raw(data: bytes) -> Fault:
    """Send these bytes, whatever they are, and hang up."""

    def fault(handler: Handler) -> None:
        handler.wfile.write(data)
        handler.close_connection = True

    return fault


def sleep(seconds: float) -> Fault:
    def fault(handler: Handler) -> None:
        time.sleep(seconds)
        handler.close_connection = True

    return fault


def drip(handler: Handler) -> None:
    """Begin an answer and send a byte now and then, for ever."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        handler.wfile.write(b" ")
        time.sleep(0.1)


def stall(handler: Handler) -> None:
    """Begin an answer, and say nothing more for a while."""
    time.sleep(0.3)
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n ")
    time.sleep(3)
    handler.close_connection = True


def fine(handler: Handler) -> None:
    """No fault, for once."""
    handler.answer(handler.server.seen[-1][3])


def hang_up(handler: Handler) -> None:
    handler.close_connection = True


def metadata(lacks: tuple[str, ...] = ()) -> dict[str, Any]:
    def parts(described: Any) -> dict[str, Any]:
        return {
            name: {
                "dtype": {"string": "DT_STRING", "float32": "DT_FLOAT", "bool": "DT_BOOL"}[part.dtype],
                "tensor_shape": {
                    "dim": [{"size": "-1", "name": ""} for _ in part.shape],
                    "unknown_rank": False,
                },
                "name": f"{name}:0",
            }
            for name, part in described.items()
        }

    signatures = {
        name: {
            "inputs": parts(each.inputs),
            "outputs": parts(each.outputs),
            "method_name": "tensorflow/serving/predict",
        }
        for name, each in SIGNATURES.items()
        if name not in lacks
    }
    return {
        "model_spec": {"name": NAME, "signature_name": "", "version": str(VERSION)},
        "metadata": {"signature_def": {"signature_def": signatures}},
    }


# The gRPC stand-in.


class GrpcStandIn:
    """Answers gRPC from the table, with the stubs of tensorflow-serving-api.

    What is in ``faults`` is done to the next calls, one each: a status code by its name and what it says, or seconds
    to sleep.
    """

    def __init__(self, certificate: tuple[Path, Path] | None = None, packed: bool = False) -> None:
        import grpc
        from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

        self.faults: list[tuple[str, str] | float] = []
        self.seen: list[Any] = []
        self.who: list[dict[str, str]] = []
        self.state = "AVAILABLE"
        self._packed = packed
        self._grpc = grpc
        self._server = grpc.server(futures.ThreadPoolExecutor(4))
        # What is not answered here is answered with UNIMPLEMENTED.
        prediction = prediction_service_pb2_grpc.PredictionServiceServicer()
        prediction.Predict, prediction.GetModelMetadata = self._predict, self._metadata
        models = model_service_pb2_grpc.ModelServiceServicer()
        models.GetModelStatus = self._status
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(prediction, self._server)
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(models, self._server)
        if certificate:
            key, chain = certificate[1].read_bytes(), certificate[0].read_bytes()
            port = self._server.add_secure_port("localhost:0", grpc.ssl_server_credentials([(key, chain)]))
        else:
            port = self._server.add_insecure_port("127.0.0.1:0")
        self.url = f"grpc{'s' if certificate else ''}://localhost:{port}/v1/models/{NAME}"
        self._server.start()

    def close(self) -> None:
        self._server.stop(None).wait()

    def _predict(self, request: Any, context: Any) -> Any:
        from tensorflow_serving.apis import predict_pb2

        self._receive(request, context)
        texts = {name: [text.decode() for text in tensor.string_val] for name, tensor in request.inputs.items()}
        response = predict_pb2.PredictResponse()
        for name, values in answer(request.model_spec.signature_name, texts).items():
            self._fill(response.outputs[name], values, SIGNATURES[request.model_spec.signature_name].outputs[name])
        return response

    def _status(self, request: Any, context: Any) -> Any:
        from tensorflow_serving.apis import get_model_status_pb2

        self._receive(request, context)
        response = get_model_status_pb2.GetModelStatusResponse()
        states = get_model_status_pb2.ModelVersionStatus.State
        response.model_version_status.add(version=VERSION, state=states.Value(self.state))
        return response

    def _metadata(self, request: Any, context: Any) -> Any:
        from tensorflow_serving.apis import get_model_metadata_pb2

        self._receive(request, context)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = NAME
        response.model_spec.version.value = VERSION
        found = get_model_metadata_pb2.SignatureDefMap()
        for name, each in SIGNATURES.items():
            signature = found.signature_def[name]
            for described, parts in ((signature.inputs, each.inputs), (signature.outputs, each.outputs)):
                for key, part in parts.items():
                    described[key].dtype = {"string": 7, "float32": 1, "bool": 10}[part.dtype]
                    for _ in part.shape:
                        described[key].tensor_shape.dim.add(size=-1)
        response.metadata["signature_def"].Pack(found)
        return response

    def _receive(self, request: Any, context: Any) -> None:
        self.seen.append(request)
        self.who.append(dict(context.invocation_metadata()))
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, float):
            time.sleep(fault)
        elif fault:
            context.abort(getattr(self._grpc.StatusCode, fault[0]), fault[1])
        if request.model_spec.name != NAME:
            context.abort(self._grpc.StatusCode.NOT_FOUND, "Servable not found for request: Latest(other)")

    def _fill(self, tensor: Any, values: Any, part: Any) -> None:
        """Write nested lists into a tensor, in either of the two forms that a server may choose."""
        import numpy as np

        array = np.array(values, object if part.dtype == "string" else part.dtype)
        tensor.dtype = {"string": 7, "float32": 1, "bool": 10}[part.dtype]
        for size in array.shape:
            tensor.tensor_shape.dim.add(size=size)
        if part.dtype == "string":
            tensor.string_val.extend(text.encode() for text in array.ravel())
        elif self._packed:
            tensor.tensor_content = array.astype("?" if part.dtype == "bool" else "<f4").tobytes()
        else:
            (tensor.bool_val if part.dtype == "bool" else tensor.float_val).extend(array.ravel().tolist())


@contextmanager
def grpc(**how: Any) -> Iterator[GrpcStandIn]:
    server = GrpcStandIn(**how)
    try:
        yield server
    finally:
        server.close()
