"""Requests to a server over gRPC, with the stubs of tensorflow-serving-api, which import TensorFlow."""

from __future__ import annotations

import array
import json
import math
import re
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

from nmt.client import transport
from nmt.client.transport import Address, Metadata, ServerFailed, Trust, Unavailable
from nmt.errors import InputError, first_line
from nmt.signatures import Signature, TensorInfo

# Milliseconds before gRPC connects again after a failure, at first and later. By default it waits a second or more, and
# all retries of a request would fall into that pause.
_SOON, _LATER = 100, 1_000
# gRPC tries a request five times at most.
_MAX_TRIES = 5

# TensorFlow's numbers of the types.
_FLOAT, _STRING, _BOOL = 1, 7, 10


class Grpc:
    """Requests over gRPC. Several threads may ask at once. Proxies of the environment are not used."""

    def __init__(self, where: Address, trust: Trust, token: str | None, retries: int) -> None:
        try:
            import grpc
            from google.protobuf.message import DecodeError
            from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc
        except ImportError as error:
            raise InputError(
                f"gRPC needs tensorflow-serving-api, which is not installed ({first_line(error)}). Install it with"
                " `pip install tensorflow-serving-api`, or use the REST address, http://."
            ) from None
        self.where = where
        self._grpc, self._garbled = grpc, DecodeError
        self._tries = min(_MAX_TRIES, 1 + retries)
        self._channel = self._open(trust)
        self._credentials = [("authorization", f"Bearer {token}")] if token else []
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._model = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def predict(self, signature: str, inputs: dict[str, list[str]], seconds: float) -> dict[str, Any]:
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        self._name(request.model_spec)
        request.model_spec.signature_name = signature
        for name, texts in inputs.items():
            tensor = request.inputs[name]
            tensor.dtype = _STRING
            tensor.tensor_shape.dim.add(size=len(texts))
            tensor.string_val.extend(text.encode() for text in texts)
        response = self._call(self._prediction.Predict, request, seconds, self._tries)
        try:
            return {name: _nested(tensor) for name, tensor in response.outputs.items()}
        except ValueError as error:
            raise transport.unreadable(self.where, str(error)) from None

    def states(self, seconds: float) -> list[str]:
        from tensorflow_serving.apis import get_model_status_pb2

        request = get_model_status_pb2.GetModelStatusRequest()
        self._name(request.model_spec)
        response = self._call(self._model.GetModelStatus, request, seconds)
        state = get_model_status_pb2.ModelVersionStatus.State
        return [state.Name(each.state) for each in response.model_version_status]

    def metadata(self, seconds: float) -> Metadata:
        from tensorflow_serving.apis import get_model_metadata_pb2

        def parts(described: Any) -> dict[str, TensorInfo]:
            return {
                name: TensorInfo(
                    transport.dtype(_type_name(each)),
                    tuple(None if dim.size < 0 else dim.size for dim in each.tensor_shape.dim),
                )
                for name, each in described.items()
            }

        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        self._name(request.model_spec)
        response = self._call(self._prediction.GetModelMetadata, request, seconds, self._tries)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        try:
            response.metadata["signature_def"].Unpack(signatures)
        except self._garbled:
            raise transport.unreadable(self.where, "it does not say which signatures there are") from None
        spec = response.model_spec
        return Metadata(
            spec.version.value if spec.HasField("version") else None,
            {
                name: Signature(parts(each.inputs), parts(each.outputs))
                for name, each in signatures.signature_def.items()
            },
        )

    def close(self) -> None:
        self._channel.close()

    def _open(self, trust: Trust) -> Any:
        options = [
            ("grpc.max_receive_message_length", transport.LARGEST_ANSWER),
            ("grpc.max_send_message_length", -1),
            ("grpc.initial_reconnect_backoff_ms", _SOON),
            ("grpc.min_reconnect_backoff_ms", _LATER),
            ("grpc.max_reconnect_backoff_ms", _LATER),
            ("grpc.enable_http_proxy", 0),
            *_retry_options(self._tries),
        ]
        if not self.where.secure:
            return self._grpc.insecure_channel(self.where.target, options)
        credentials = self._grpc.ssl_channel_credentials(
            _content(trust.ca), _content(trust.key), _content(trust.certificate)
        )
        return self._grpc.secure_channel(self.where.target, credentials, options)

    def _name(self, spec: Any) -> None:
        spec.name = self.where.model
        if self.where.version is not None:
            spec.version.value = self.where.version

    def _call(self, method: Callable[..., Any], request: Any, seconds: float, tries: int = 1) -> Any:
        try:
            return method(request, timeout=seconds, metadata=self._credentials)
        except self._grpc.RpcError as error:
            failure = self._meant(error.code(), error.details() or "no reason")
        raise transport.given_up(failure, tries) if isinstance(failure, Unavailable) else failure

    def _meant(self, code: Any, details: str) -> Exception:
        """Return what a status of gRPC means to the caller."""
        where, codes = self.where, self._grpc.StatusCode
        reason = f"{details.splitlines()[0][:300].rstrip('.')} ({code.name})"
        if code == codes.DEADLINE_EXCEEDED:
            return transport.timed_out(where)
        if code == codes.UNAVAILABLE:
            if any(word in details for word in ("CERTIFICATE", "handshake", "SSL_ERROR", "Peer name")):
                return transport.untrusted(where, reason)
            if "DNS" in details or "name resolution" in details.lower():
                return ServerFailed(f"There is no host {where.host}: {reason}. Check the address and the network.")
            # gRPC gives this status when no server is there, and a server gives it when it is busy.
            nobody = re.search(r"connect|socket|connection|goaway", details, re.IGNORECASE)
            # This is the failure of the last of several addresses: another one may have failed by its certificate.
            hint = ", or its certificate is not trusted (--ca, or ca=)" if where.secure else ""
            return transport.unreachable(where, reason + hint) if nobody else transport.busy(where, reason)
        if code == codes.RESOURCE_EXHAUSTED:
            # An answer that is too large for the client has the same status, but another try would not change it.
            if "larger than max" in details:
                return transport.too_large(where)
            return transport.busy(where, reason)
        if code == codes.NOT_FOUND:
            return transport.unknown(where, reason)
        if code in (codes.UNAUTHENTICATED, codes.PERMISSION_DENIED):
            return transport.forbidden(where, reason)
        if code in (codes.INVALID_ARGUMENT, codes.FAILED_PRECONDITION, codes.OUT_OF_RANGE, codes.UNIMPLEMENTED):
            return transport.refused(where, reason)
        return ServerFailed(f"{where} failed: {reason}. Its log says more.")


def _retry_options(tries: int) -> list[tuple[str, Any]]:
    """Return the options of a channel that tries predictions again: gRPC's own retry policy."""
    if tries == 1:
        return [("grpc.enable_retries", 0)]
    policy = {
        "maxAttempts": tries,
        "initialBackoff": "0.1s",
        "maxBackoff": "5s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
    }
    method = {"name": [{"service": "tensorflow.serving.PredictionService"}], "retryPolicy": policy}
    return [("grpc.service_config", json.dumps({"methodConfig": [method]}))]


def _type_name(described: Any) -> str:
    return described.DESCRIPTOR.fields_by_name["dtype"].enum_type.values_by_number[described.dtype].name


def _content(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None


def _nested(tensor: Any) -> list:
    """Return a tensor of strings, floats or truth values as nested lists."""
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    size = math.prod(shape)
    if math.prod(max(1, each) for each in shape) > transport.LARGEST_ANSWER:
        raise ValueError(f"a tensor of shape {shape} is too large")
    if tensor.dtype == _STRING:
        values: list = [text.decode("utf-8", "replace") for text in tensor.string_val]
    elif tensor.dtype == _FLOAT and tensor.tensor_content:
        floats = array.array("f")
        floats.frombytes(tensor.tensor_content)
        if sys.byteorder == "big":
            floats.byteswap()
        values = floats.tolist()
    elif tensor.dtype == _FLOAT:
        values = list(tensor.float_val)
    elif tensor.dtype == _BOOL:
        values = list(map(bool, tensor.tensor_content or tensor.bool_val))
    else:
        raise ValueError(f"a tensor of type {tensor.dtype} is neither text nor float32 nor bool")
    # Equal values at the end may be written once.
    if 0 < len(values) < size:
        values = list(chain(values, [values[-1]] * (size - len(values))))
    if len(values) != size or not shape:
        raise ValueError(f"a tensor of shape {shape} has {len(values)} values")
    for width in reversed(shape[1:]):
        count = len(values) // width if width else 0
        values = [values[i * width : (i + 1) * width] for i in range(count)]
    if len(values) != shape[0]:
        # If a size is zero, there are no values to cut.
        return _empty(shape)
    return values


def _empty(shape: list[int]) -> list:
    return [_empty(shape[1:]) if shape[1:] else None for _ in range(shape[0])]
